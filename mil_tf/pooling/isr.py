"""ISR, integrated segmentation and recognition: the odds of the instances add up."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, added


@keras.saving.register_keras_serializable(package="mil_tf")
class IsrPooling(Pooling):
    """g = v / (1 + v), v = sum_j p_j / (1 - p_j) (kraus2016, eq. 3; Keeler, Rumelhart & Leow 1991).

    Args:
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities. Output shape: (..., c), in [0, 1].

    Example:
        >>> IsrPooling()(tf.constant([[0.5], [0.5]]))  # odds 1 + 1 -> [0.667]
    """

    def pool(self, x, valid):
        return tf.squeeze(_isr(x, self.axis), self.axis)


def _isr(p, axis):
    """Of p (..., n, c), axes kept. A probability of 0, as masked instances have it, adds no odds.

    The derivative by p_j is 1 / ((1 - p_j)(1 + v))^2, at most 1. Where an instance is certain v has no bounds and g is
    1; its slope is the limit, 1, of several each has the square of its share (our decision: the limit where they become
    certain together), and the others have none.
    """

    @tf.custom_gradient
    def function(p):
        certain = tf.equal(p, 1)
        rest = tf.where(certain, tf.ones_like(p), 1 - p)
        odds = tf.cast(added(tf.where(certain, tf.zeros_like(p), p / rest), axis), p.dtype)
        number = tf.cast(added(certain, axis), p.dtype)

        def gradient(upstream):
            ones = tf.cast(certain, p.dtype)
            slopes = tf.where(number > 0, tf.math.divide_no_nan(ones, number), 1 / (rest * (1 + odds)))
            return upstream * tf.square(slopes)

        return tf.where(number > 0, tf.ones_like(odds), odds / (1 + odds)), gradient

    return function(p)
