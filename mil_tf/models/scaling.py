"""Input scaling inside the model, so that a SavedModel takes HU and cannot be fed anything else by mistake."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mil_tf")
class HuWindow(keras.layers.Layer):
    """Maps a CT window linearly to [-1, 1] and clips what lies outside.

    remedios2020 feeds HU as they are; a network without normalisation then starts at a loss of hundreds, so the
    scaling is our own decision. A window of `width` HU around `center` keeps the contrast between brain
    (30-40 HU) and fresh blood (55-85 HU) where float32 and the initial weights can see it.

    Args:
        center: middle of the window in HU.
        width: width of the window in HU, above 0.

    Input shape: (n, h, w, c) in HU. Output shape: the same, in [-1, 1].

    Example:
        >>> HuWindow(40, 80)(tf.constant([[0.0, 40.0, 80.0, 3000.0]]))  # -> [-1, 0, 1, 1]
    """

    def __init__(self, center, width, **kwargs):
        super().__init__(**kwargs)
        if not width > 0:
            raise ValueError(f"Expected `width` above 0 HU. Received: width={width}")
        self.center = float(center)
        self.width = float(width)

    def call(self, inputs):
        scaled = (tf.cast(inputs, self.compute_dtype) - self.center) * (2.0 / self.width)
        return tf.clip_by_value(scaled, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "center": self.center, "width": self.width}
