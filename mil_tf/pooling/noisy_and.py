"""Noisy-AND: positive once enough of the instances are, how many being learned class by class."""

import math

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, above_zero, mean


@keras.saving.register_keras_serializable(package="mil_tf")
class NoisyAndPooling(Pooling):
    """g = (s(a (m - b)) - s(-a b)) / (s(a (1 - b)) - s(-a b)), m the mean of p_j, s the sigmoid (kraus2016, eq. 4).

    a is fixed, b is learned, one a class. The paper does not say how b starts or whether it is bounded: here it is the
    sigmoid of a weight, which keeps it between 0 and 1, and starts in the middle (our decision). g is 0 where all
    instances are 0 and 1 where all are 1, whatever a and b; as a grows, it becomes a step at m = b.

    Args:
        slope: a, above 0. kraus2016 compares 5, 7.5 and 10; the default has its best mean average precision (table 1).
        start: b before training, between 0 and 1.
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities. Output shape: (..., c), in [0, 1].

    Example:
        >>> NoisyAndPooling(10)(tf.constant([[0.3], [0.7]]))  # a mean of b -> [0.5]
    """

    def __init__(self, slope=10.0, start=0.5, axis=-2, **kwargs):
        super().__init__(axis, **kwargs)
        self.slope = above_zero("slope", slope)
        if not 0 < start < 1:
            raise ValueError(f"Expected `start` between 0 and 1. Received: start={start!r}")
        self.start = float(start)

    def build(self, input_shape):
        odds = keras.initializers.Constant(math.log(self.start / (1 - self.start)))
        # Under a mixed policy Keras would hand out a rounded one.
        exact = "experimental_autocast" if keras.__version__.startswith("2.") else "autocast"
        self.threshold_logit = self.add_weight(
            name="threshold_logit", shape=(input_shape[-1],), initializer=odds, **{exact: False}
        )
        super().build(input_shape)

    @property
    def threshold(self):
        """b, (c,)."""
        return tf.sigmoid(tf.convert_to_tensor(self.threshold_logit))

    def pool(self, x, valid):
        # In float64: near its ends g has slopes that a float32 of m or of b no longer tells.
        found = tf.squeeze(mean(x, valid, self.axis), self.axis)
        a, b = self.slope, tf.sigmoid(tf.cast(tf.convert_to_tensor(self.threshold_logit), tf.float64))
        # s(x) - s(y) = s(x) s(-y) (1 - exp(y - x)): the same fraction without differences that cancel, and s(-y) does.
        # Logarithms, as they have an exact slope where s rounds to 1.
        rise = tf.exp(tf.math.log_sigmoid(a * (found - b)) - tf.math.log_sigmoid(a * (1 - b)))
        return tf.cast(rise * tf.math.expm1(-a * found) / math.expm1(-a), x.dtype)

    def get_config(self):
        return {**super().get_config(), "slope": self.slope, "start": self.start}
