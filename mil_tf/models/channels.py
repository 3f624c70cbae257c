"""The input of nemcek2021 inside the model: three channels made of HU, standardised."""

import keras
import numpy as np
import tensorflow as tf

from mil_tf.models.moments import moments

# nemcek2021, section II-B: level and width in HU of the second and third channel; the first is the slice as it is.
BRAIN, SUBDURAL = (40.0, 80.0), (50.0, 130.0)
# Released code: it works on stored values, HU + 1024, stretches either window over 0..4096 of them, and standardises
# all channels by the same two constants.
STORED = 1024.0
TOP = 4096.0
RELEASED_MEAN, RELEASED_STD = (400.0,) * 3, (1000.0,) * 3


@keras.saving.register_keras_serializable(package="mil_tf")
class HuChannels(keras.layers.Layer):
    """Turns HU into the channels raw, brain window and subdural window, each standardised.

    The paper standardises by the mean and standard deviation of the whole data set and does not say how it scales the
    windows. The scale here is the released code's; with constants measured channel by channel it makes no difference.

    Args:
        mean: three numbers, of the channels before standardisation; see `measured`.
        std: three numbers above 0.

    Input shape: (n, h, w, 1) in HU. Output shape: (n, h, w, 3).

    Example:
        >>> HuChannels((400, 400, 400), (1000, 1000, 1000))(tf.constant([[[[-1024.0]]]]))  # -> [-0.4, -0.4, -0.4]
    """

    pointwise = True  # see mil_tf.models.receptive

    def __init__(self, mean=RELEASED_MEAN, std=RELEASED_STD, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.std = (tuple(float(each) for each in values) for values in (mean, std))
        if len(self.mean) != 3 or len(self.std) != 3 or not all(each > 0 for each in self.std):
            raise ValueError(
                f"Expected three numbers as `mean` and three above 0 as `std`. Received: mean={mean}, std={std}"
            )

    def call(self, inputs):
        hu = tf.cast(inputs, self.compute_dtype)
        windows = [
            tf.clip_by_value((hu - (level - width / 2)) / width, 0.0, 1.0) * TOP for level, width in (BRAIN, SUBDURAL)
        ]
        mean, std = (tf.constant(values, self.compute_dtype) for values in (self.mean, self.std))
        return (tf.concat([hu + STORED, *windows], axis=-1) - mean) / std

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}


def measured(batches):
    """The constants of a training set.

    Args:
        batches: iterable of arrays (n, h, w, 1) in HU, each gone through once.

    Returns:
        (mean, std): two tuples of three floats, for `HuChannels`.

    Raises:
        ValueError: where there is no pixel, or a channel is the same everywhere.
    """
    plain = HuChannels((0.0,) * 3, (1.0,) * 3, dtype="float64")
    return moments((plain(np.asarray(batch, np.float64)).numpy() for batch in batches), "slices")
