"""Log-sum-exp: between the mean and the maximum, by an exponential."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, above_zero, largest, mean, smallest

# Above the shift, in units of 1/r: exp(60) is 1e26, which float32 holds, and no number of instances outweighs it.
REACH = 60.0


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
        # g(p) = m + g(p - m) for every number m, so m may be one that has no gradient. From the smallest instance on
        # all exp(r p) - 1 add up and nothing cancels: small probabilities keep their digits, and g is never below them.
        least, most = smallest(x, valid, self.axis), largest(x, valid, self.axis)
        shift = tf.stop_gradient(tf.maximum(least, most - REACH / self.r))
        powers = tf.math.expm1(tf.where(valid, self.r * (x - shift), tf.zeros_like(x)))
        above = tf.math.log1p(mean(powers, valid, self.axis)) / self.r
        return tf.squeeze(shift + tf.cast(above, x.dtype), self.axis)

    def get_config(self):
        return {**super().get_config(), "r": self.r}
