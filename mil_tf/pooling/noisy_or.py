"""Noisy-OR: the bag is positive unless every instance is negative."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, added


@keras.saving.register_keras_serializable(package="mil_tf")
class NoisyOrPooling(Pooling):
    """g = 1 - prod_j (1 - p_j) (kraus2016, eq. 3; Zhang, Platt & Viola 2005).

    The product is a sum of log(1 - p_j), so that neither many instances nor very small probabilities are lost.

    Args:
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities. Output shape: (..., c), in [0, 1].

    Example:
        >>> NoisyOrPooling()(tf.constant([[0.5], [0.5]]))  # -> [0.75]
    """

    def pool(self, x, valid):
        return tf.squeeze(_noisy_or(x, self.axis), self.axis)


def _noisy_or(p, axis):
    """Of p (..., n, c), axes kept. A probability of 0, as masked instances have it, changes nothing.

    The derivative by p_j is the product of all other 1 - p_k, which is finite where log(1 - p_j) is not.
    """

    @tf.custom_gradient
    def function(p):
        certain = tf.equal(p, 1)
        logs = tf.where(certain, tf.zeros_like(p), tf.math.log1p(-p))
        whole = tf.cast(added(logs, axis), p.dtype)
        ones = tf.cast(certain, p.dtype)
        number = tf.cast(added(ones, axis), p.dtype)

        def gradient(upstream):
            others = tf.exp(whole - logs)
            return upstream * tf.where(number > ones, tf.zeros_like(p), others)

        return tf.where(number > 0, tf.ones_like(whole), -tf.math.expm1(whole)), gradient

    return function(p)
