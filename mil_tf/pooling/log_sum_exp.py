"""Log-sum-exp: between the mean and the maximum, by an exponential."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, above_zero, largest, mean


@keras.saving.register_keras_serializable(package="mil_tf")
class LogSumExpPooling(Pooling):
    """g = 1/r log(1/|j| sum_j exp(r p_j)) (kraus2016, eq. 3): the mean as r falls to 0, the maximum as it grows.

    Args:
        r: sharpness, above 0. kraus2016 compares 1, 2.5 and 5; the default is their middle one.
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities, logits or features. Output shape: (..., c).

    Example:
        >>> LogSumExpPooling(5)(tf.constant([[0.1], [0.7]]))  # -> [0.571]
    """

    def __init__(self, r=2.5, axis=-2, **kwargs):
        super().__init__(axis, **kwargs)
        self.r = above_zero("r", r)

    def pool(self, x, valid):
        # g(p) = m + g(p - m) for every number m, so the largest instance may be one that has no gradient.
        most = tf.stop_gradient(largest(x, valid, self.axis))
        powers = tf.exp(tf.where(valid, self.r * (x - most), tf.zeros_like(x)))
        return tf.squeeze(most + tf.math.log(mean(powers, valid, self.axis)) / self.r, self.axis)

    def get_config(self):
        return {**super().get_config(), "r": self.r}
