"""Max: the most positive instance decides."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, largest


@keras.saving.register_keras_serializable(package="mil_tf")
class MaxPooling(Pooling):
    """g = max_j p_j (nemcek2021, eq. 1), the standard MIL assumption itself.

    Instances that tie for the maximum share its gradient.

    Args:
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities, logits or features. Output shape: (..., c).

    Example:
        >>> MaxPooling()(tf.constant([[0.1], [0.7]]))  # -> [0.7]
    """

    def pool(self, x, valid):
        return tf.squeeze(largest(x, valid, self.axis), self.axis)
