"""The networks of nemcek2021 as scorers: what the training loop, the tables and the SavedModel ask of a model."""

from typing import NamedTuple

import keras
import tensorflow as tf

from mil_tf.models.channels import RELEASED_MEAN, RELEASED_STD, HuChannels
from mil_tf.models.head import probabilities
from mil_tf.models.position_mil import POSITIONS
from mil_tf.pooling.log_sum_exp import LogSumExpPooling

SOFTNESS = 1.0  # r of kraus2016, eq. 3, the least that they compare; our decision


class PositionModels(NamedTuple):
    """Models around one network of `mil_tf.models.position_mil`, whose weights they share.

    Attributes:
        network: standardised channels (n, h, w, 3) -> {"logit": (n, 1), "map": (n, h', w', 1)}.
        input: (n, h, w, 1) in HU -> the standardised channels of what the network sees.
        learner: standardised channels -> probabilities (n, 2), with the layer "logits" before them.
        soft: the same of a map of logits that log-sum-exp pools in place of the maximum (our decision): all positions
            have a gradient, so that it tells where to look while maxima still mean nothing.
        scorer: (n, h, w, 1) in HU -> probabilities (n, 2).
        mapper: (n, h, w, 1) in HU -> {"probabilities": (n, 2), "map": (n, h', w', 1)}.
    """

    network: keras.Model
    input: keras.Model
    learner: keras.Model
    soft: keras.Model
    scorer: keras.Model
    mapper: keras.Model


def position_models(network, mean=RELEASED_MEAN, std=RELEASED_STD, seen=0):
    """Builds the models.

    Args:
        network: of `mil_tf.models.position_mil.network`.
        mean, std: constants of `mil_tf.models.channels.HuChannels`.
        seen: pixels a side that larger slices are shrunk to; 0 shrinks none.
    """
    slices, standardised = keras.Input((None, None, 1), name="slices"), keras.Input((None, None, 3), name="channels")
    small = Shrunk(seen, name="shrunk", dtype="float32")(slices) if seen else slices
    channels = HuChannels(mean, std, name="hu_channels", dtype="float32")(small)
    given = keras.Model(slices, channels, name="position_input")
    inner = network(standardised)
    learner = keras.Model(standardised, _answers(inner)["probabilities"], name="position_learner")
    pooled = LogSumExpPooling(SOFTNESS, axis=POSITIONS, name="soft_pool", dtype="float32")(inner["map"])
    soft = keras.Model(standardised, _answers({**inner, "logit": pooled})["probabilities"], name="position_soft")
    found = _answers(network(given(slices)))
    scorer = keras.Model(slices, found["probabilities"], name="position_scorer")
    return PositionModels(network, given, learner, soft, scorer, keras.Model(slices, found, name="position_mapper"))


def _answers(found):
    logits = TwoLogits(name="logits", dtype="float32")(found["logit"])
    return {"probabilities": probabilities(logits), "map": found["map"]}


@keras.saving.register_keras_serializable(package="mil_tf")
class TwoLogits(keras.layers.Layer):
    """One logit as those of two classes, whose softmax is its logistic: z -> (0, z).

    Input shape: (n, 1). Output shape: (n, 2).

    Example:
        >>> TwoLogits()(tf.constant([[3.0]]))  # -> [[0.0, 3.0]]
    """

    def call(self, inputs):
        return tf.concat([tf.zeros_like(inputs), inputs], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)


@keras.saving.register_keras_serializable(package="mil_tf")
class Shrunk(keras.layers.Layer):
    """Takes every k-th pixel, k the largest with which a slice keeps `size` pixels a side (nearest neighbours).

    The released code of nemcek2021 makes 256 of 512 pixels so.

    Args:
        size: pixels a side, at least 1.

    Input shape: (n, h, w, c). Output shape: (n, h / k, w / k, c), rounded up.

    Raises:
        ValueError: where `size` is below 1.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"Expected `size` of at least 1. Received: size={size}")
        self.size = size

    def call(self, inputs):
        step = tf.maximum(1, tf.reduce_min(tf.shape(inputs)[1:3]) // self.size)
        return tf.ensure_shape(inputs[:, ::step, ::step], (None, None, None, inputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], None, None, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
