"""A network of positions as a SavedModel that takes HU and needs neither mil-tf nor Keras.

The same function three times, called or as the signatures `slices` and `serving_default`, fed `slices`, float32
(n, h, w, 1) in HU:

    logit   float32 (n, 1)
    map     float32 (n, h', w', 1), see `mil_tf.models.position_mil.network`

It takes what it is given in one pass, so its caller cuts a scan into chunks.
"""

import tensorflow as tf


class ExportedNetwork(tf.Module):
    """The function around a Keras model.

    Args:
        model: (n, h, w, 1) in HU -> {"logit", "map"}.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32, name="slices")])
    def __call__(self, slices):
        return self._model(slices, training=False)


def save(model, folder):
    """Writes a Keras model (n, h, w, 1) in HU -> {"logit", "map"} as a SavedModel into `folder`."""
    module = ExportedNetwork(model)
    signature = module.__call__.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={"slices": signature, "serving_default": signature})
