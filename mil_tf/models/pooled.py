"""A model of bags: an encoder that sees one instance at a time, and a pooling that makes the bag's answer."""

import keras
import tensorflow as tf

from mil_tf.pooling import names

OVER = ("probabilities", "features")


def pooled(encoder, pooling, over=None):
    """Builds the model.

    Over `probabilities` every instance gets its own, of which the pooling makes the bag's; over `features` the pooling
    makes the bag's features, of which the last layer makes its probability. An instance's own probability is then that
    of its features as if they were the bag's: what the model says of a bag of it alone.

    Args:
        encoder: Keras model, (n, h, w, c) -> (n, features); or of other instances than images.
        pooling: a name of `mil_tf.pooling.names`, with options.
        over: one of OVER; None is what the pooling is made for.

    Input: [`instances` (b, n, h, w, c), `mask` bool (b, n)], bags padded to the same n, True where an instance is.
    Output: {"probability": (b,), "instances": (b, n) own probabilities, and "weights": (b, n) where the pooling is
    an attention}. Where the mask is False, `instances` mean nothing.

    Raises:
        mil_tf.registry.UnknownNameError: no pooling has the name.
        ValueError: `over` is unknown, or an attention is to pool probabilities.
    """
    layer = names.pooling(pooling, name="pooling", dtype="float32")
    over = over or layer.takes
    if over not in OVER or (layer.takes == "features" and over != "features"):
        raise ValueError(f"Expected `over` to be one of {OVER}, features for an attention. Received: over={over!r}")
    if layer.takes == "features":
        layer.return_weights = True
    instances = keras.Input((None, *encoder.input_shape[1:]), name="instances")
    mask = keras.Input((None,), dtype="bool", name="mask")
    features = EachInstance(encoder, name="features")(instances, mask=mask)
    answers = _of_features if over == "features" else _of_probabilities
    return keras.Model([instances, mask], answers(features, mask, layer), name="pooled")


def _of_probabilities(features, mask, layer):
    own = _last_layer()(features)
    return {"probability": _flat(layer(own, mask=mask)), "instances": keras.layers.Reshape((-1,))(own)}


def _of_features(features, mask, layer):
    last, found = _last_layer(), layer(features, mask=mask)
    bag, *weights = found if layer.takes == "features" else (found,)
    answers = {"probability": _flat(last(bag)), "instances": keras.layers.Reshape((-1,))(last(features))}
    return {**answers, "weights": weights[0]} if weights else answers


def _last_layer():
    return keras.layers.Dense(1, "sigmoid", name="own_probability", dtype="float32")


def _flat(probability):
    return keras.layers.Reshape((), name="probability")(probability)


@keras.saving.register_keras_serializable(package="mil_tf")
class EachInstance(keras.layers.Wrapper):
    """Runs a model of instances over those that are valid in a batch of padded bags.

    Padding is taken out before, so that it costs no time and enters no batch statistics; its features are 0.

    Args:
        layer: Keras model, (m, ...) -> (m, features).

    Input shape: (b, n, ...), and `mask` bool (b, n). Output shape: (b, n, features).

    Example:
        >>> EachInstance(encoder)(tf.zeros((2, 7, 28, 28, 1)), mask=tf.sequence_mask([7, 4], 7))  # (2, 7, features)
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, autocast=False, **kwargs)
        self.supports_masking = True
        self.supports_jit = False  # how many instances are valid is not known before

    def call(self, inputs, mask=None, training=None):
        shape = tf.shape(inputs, tf.int64)[:2]
        places = tf.where(tf.ones(shape, tf.bool) if mask is None else tf.cast(mask, tf.bool))
        found = self.layer(tf.gather_nd(inputs, places), training=training)
        return tf.scatter_nd(places, found, tf.concat([shape, [found.shape[-1]]], 0))

    def compute_mask(self, inputs, mask=None):
        """None: what comes after is told the mask itself."""
        return None

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.layer.output_shape[-1])
