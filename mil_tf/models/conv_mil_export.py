"""The network of kraus2016 as a SavedModel, with one signature, fed `fields`, float32 (n, h, w, c), fractions of the
integer range of the pixels, of any size from `least` pixels a side:

    fields -> probabilities   float32 (n, k), of the last layer
              pooled          float32 (n, k), of the MIL layer; of a network of cropped cells, the same again
              map             float32 (n, h', w', k), the probability of every class at every position

It takes what it is given in one pass, so its caller bounds how many fields that are.
"""

import tensorflow as tf


class ExportedFields(tf.Module):
    """The signature `fields` around a Keras model.

    Args:
        model: of `mil_tf.models.conv_mil`.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._spec = tf.TensorSpec([None, None, None, model.input_shape[-1]], tf.float32, name="fields")

    def signatures(self):
        """{"fields": concrete function}."""
        return {"fields": tf.function(self._fields, input_signature=[self._spec]).get_concrete_function()}

    def _fields(self, fields):
        found = self._model(fields, training=False)
        told = {name: found[name] for name in ("probabilities", "pooled")}
        return {**told, "map": tf.sigmoid(found["logits"])}
