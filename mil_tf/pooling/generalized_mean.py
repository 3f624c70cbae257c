"""Generalised mean: between the mean and the maximum, by a power."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, above_zero, largest, mean

# Added to every instance: where all are 0, each has the gradient that it has where all are equal. Our decision.
TINY = 1e-30


@keras.saving.register_keras_serializable(package="mil_tf")
class GeneralizedMeanPooling(Pooling):
    """g = (1/|j| sum_j p_j^r)^(1/r) (kraus2016, eq. 3): the mean at r = 1, the maximum as r grows.

    As r falls to 0 it becomes the geometric mean.

    Args:
        r: sharpness, above 0. kraus2016 compares 1, 2.5 and 5; the default is their middle one.
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities, or other numbers from 0 on. Output shape: (..., c).

    Example:
        >>> GeneralizedMeanPooling(2)(tf.constant([[0.1], [0.7]]))  # -> [0.5]
    """

    def __init__(self, r=2.5, axis=-2, **kwargs):
        super().__init__(axis, **kwargs)
        self.r = above_zero("r", r)

    def pool(self, x, valid):
        x = x + TINY
        # g(p) = m g(p / m) for every number m, so the largest instance may be one that has no gradient.
        most = tf.stop_gradient(largest(x, valid, self.axis))
        powers = tf.pow(tf.where(valid, x / most, tf.ones_like(x)), self.r)
        return tf.squeeze(most * tf.pow(mean(powers, valid, self.axis), 1 / self.r), self.axis)

    def get_config(self):
        return {**super().get_config(), "r": self.r}
