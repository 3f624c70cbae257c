"""Attention: a weighted mean of features whose weights a small network gives."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, largest, total


@keras.saving.register_keras_serializable(package="mil_tf")
class AttentionPooling(Pooling):
    """z = sum_k a_k h_k, a_k = softmax_k(w^T tanh(V h_k^T)) (Ilse, Tomczak & Welling 2018, eq. 7 and 8).

    Over the positions of a feature map V and w are 1x1 convolutions. What is pooled are features, of which the network
    then makes the bag's answer; it may learn from them that a bag is positive because something is missing, which the
    standard MIL assumption rules out (docs/POOLING.md).

    Args:
        units: L, rows of V; 128 is theirs.
        use_bias: whether V and w have biases. The equations have none.
        return_weights: whether a_k comes out too. An empty bag has only weights of 0.
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), features. Output shape: (..., c); with `return_weights` also the weights, of the input's
    shape without c.

    Example:
        >>> z, a = AttentionPooling(return_weights=True)(tf.ones((2, 5, 8)))  # (2, 8), and (2, 5) of 0.2
    """

    takes = "features"

    def __init__(self, units=128, use_bias=False, return_weights=False, axis=-2, **kwargs):
        super().__init__(axis, **kwargs)
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise ValueError(f"Expected `units` as a whole number of at least 1. Received: units={units!r}")
        self.units, self.use_bias, self.return_weights = units, bool(use_bias), bool(return_weights)

    def build(self, input_shape):
        features = input_shape[-1]
        self.V, self.V_bias = self._dense("V", features, self.units)
        self.w, self.w_bias = self._dense("w", self.units, 1)
        super().build(input_shape)

    def _dense(self, name, rows, columns):
        """(kernel, bias or None); Glorot's initial weights, as theirs."""
        kernel = self.add_weight(name=name, shape=(rows, columns), initializer="glorot_uniform")
        bias = self.add_weight(name=f"{name}_bias", shape=(columns,), initializer="zeros") if self.use_bias else None
        return kernel, bias

    def call(self, inputs, mask=None):
        x, valid, some = self.prepared(inputs, mask)
        weights = self.shares(self.scores(x), valid)
        pooled = self.finished(tf.reduce_sum(weights * x, self.axis), tf.squeeze(some, self.axis))
        return (pooled, self.finished(weights, some)[..., 0]) if self.return_weights else pooled

    def scores(self, x):
        """(..., n, 1) of features (..., n, c): what the softmax is taken of."""
        return tf.cast(self.linear(self.hidden(tf.cast(x, self.compute_dtype)), self.w, self.w_bias), x.dtype)

    def hidden(self, x):
        """(..., n, L) of features (..., n, c)."""
        return tf.tanh(self.linear(x, self.V, self.V_bias))

    def linear(self, x, kernel, bias):
        """x kernel + bias, over the last axis, in the compute dtype."""
        found = tf.tensordot(x, tf.cast(kernel, x.dtype), 1)
        return found if bias is None else found + tf.cast(bias, x.dtype)

    def shares(self, scores, valid):
        """Softmax over the valid instances, 0 for the others."""
        most = tf.stop_gradient(largest(scores, valid, self.axis))
        powers = tf.exp(tf.where(valid, scores - most, tf.zeros_like(scores)))
        whole = tf.cast(total(powers, valid, self.axis), powers.dtype)
        return tf.where(valid, powers / whole, tf.zeros_like(powers))

    def compute_output_shape(self, input_shape):
        pooled = super().compute_output_shape(input_shape)
        return (pooled, tuple(input_shape[:-1])) if self.return_weights else pooled

    def get_config(self):
        own = {"units": self.units, "use_bias": self.use_bias, "return_weights": self.return_weights}
        return {**super().get_config(), **own}
