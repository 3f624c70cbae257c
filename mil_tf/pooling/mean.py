"""Mean: all instances have the same say."""

import keras
import tensorflow as tf

from mil_tf.pooling.base import Pooling, mean


@keras.saving.register_keras_serializable(package="mil_tf")
class MeanPooling(Pooling):
    """g = 1/|j| sum_j p_j (kraus2016, eq. 3 with r = 1), over the valid instances alone.

    Args:
        axis: the instance axes, see `Pooling`.

    Input shape: (..., n, c), probabilities, logits or features. Output shape: (..., c).

    Example:
        >>> MeanPooling()(tf.constant([[0.1], [0.7]]))  # -> [0.4]
    """

    def pool(self, x, valid):
        return tf.cast(tf.squeeze(mean(x, valid, self.axis), self.axis), x.dtype)
