"""A segmenter as a SavedModel, with one signature, fed `slices`, float32 (n, h, w, 1), HU, of any size:

    slices -> probabilities   float32 (n, h, w, K + 1), of every class at every pixel, the background's first

It takes what it is given in one pass, so its caller bounds how many slices that are.
"""

import tensorflow as tf


class ExportedSegmenter(tf.Module):
    """The signature `slices` around a Keras model.

    Args:
        model: of `mil_tf.models.unet`.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._spec = tf.TensorSpec([None, None, None, model.input_shape[-1]], tf.float32, name="slices")

    def signatures(self):
        """{"slices": concrete function}."""
        return {"slices": tf.function(self._slices, input_signature=[self._spec]).get_concrete_function()}

    def _slices(self, slices):
        return {"probabilities": tf.nn.softmax(self._model(slices, training=False)["logits"])}
