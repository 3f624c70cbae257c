"""Generalised mean: between the mean and the maximum, by a power."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, above_zero, largest, mean

# Below r = 1 the slope of an instance of 0 beside others is infinite: it gets that of this share of the largest. Our
# decision.
TINY = 1e-30


@keras.saving.register_keras_serializable(package="mil_tf")
class GeneralizedMeanPooling(Pooling):
    """g = (1/|j| sum_j p_j^r)^(1/r) (kraus2016, eq. 3): the mean at r = 1, the maximum as r grows.

    As r falls to 0 it becomes the geometric mean. Where all instances are 0 its slope is undefined: each has the one
    that it has where all are equal, 1/n (our decision).

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
        # Where all are 0, the answer to all 1, less 1.
        lift = tf.cast(tf.equal(largest(x, valid, self.axis), 0), x.dtype)
        x = x + lift
        # g(p) = m g(p / m) for every number m, so the largest instance may be one that has no gradient.
        most = tf.stop_gradient(largest(x, valid, self.axis))
        share = x / most
        if self.r < 1:
            share += tf.where(tf.equal(x, 0), TINY * tf.ones_like(x), tf.zeros_like(x))
        powers = tf.pow(tf.where(valid, share, tf.ones_like(x)), self.r)
        pooled = tf.cast(tf.pow(mean(powers, valid, self.axis), 1 / self.r), x.dtype)
        return tf.squeeze(most * pooled - lift, self.axis)

    def get_config(self):
        return {**super().get_config(), "r": self.r}
