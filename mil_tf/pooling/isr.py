"""ISR, integrated segmentation and recognition: the odds of the instances add up."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling

# Of 1 - p, so that the odds of a certain instance are finite; float32 can add 1e8 of them. Our decision.
LEAST = 1e-30


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

    The derivative by p_j is 1 / ((1 - p_j)(1 + v))^2, at most 1, though both its factors may be out of all bounds; of
    instances that are certain each has the square of its share.
    """

    @tf.custom_gradient
    def function(p):
        rest = tf.maximum(1 - p, LEAST)
        odds = tf.reduce_sum(p / rest, axis, keepdims=True)

        def gradient(upstream):
            return upstream * tf.square(1 / (rest * (1 + odds)))

        return odds / (1 + odds), gradient

    return function(p)
