"""Gated attention: attention whose hidden units a second layer can close."""

import keras
import tensorflow as tf

from mil_tf.pooling.attention import AttentionPooling


@keras.saving.register_keras_serializable(package="mil_tf")
class GatedAttentionPooling(AttentionPooling):
    """z = sum_k a_k h_k, a_k = softmax_k(w^T (tanh(V h_k^T) * sigm(U h_k^T))).

    Ilse, Tomczak & Welling 2018, eq. 7 and 9; nemcek2021, eq. 2 and 3, whose released code has `units` 36 over 36
    features, with biases.

    Args:
        units: L, rows of V and U; 128 is that of Ilse et al.
        use_bias: whether V, U and w have biases. The equations have none.
        return_weights: whether a_k comes out too. An empty bag has only weights of 0.
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), features. Output shape: (..., c); with `return_weights` also the weights, of the input's
    shape without c.

    Example:
        >>> z, a = GatedAttentionPooling(36, True, True, axis=(-3, -2))(tf.ones((2, 4, 4, 36)))  # (2, 36), (2, 4, 4)
    """

    def build(self, input_shape):
        self.U, self.U_bias = self._dense("U", input_shape[-1], self.units)
        super().build(input_shape)

    def hidden(self, x):
        """(..., n, L) of features (..., n, c)."""
        return super().hidden(x) * tf.sigmoid(self.linear(x, self.U, self.U_bias))
