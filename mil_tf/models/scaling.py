"""Input scaling inside the model, so that a SavedModel takes HU and cannot be fed anything else by mistake."""

import keras
import numpy as np
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

    pointwise = True  # see mil_tf.models.receptive

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


@keras.saving.register_keras_serializable(package="mil_tf")
class HuRamps(keras.layers.Layer):
    """Encodes HU as one channel an interval between breakpoints, each a ramp from -1 to 1.

    A linear layer over the ramps can form any piecewise linear function of HU with these breakpoints, for instance
    "between 50 and 90 HU", which separates fresh blood from both brain and bone. A single window cannot: bone saturates
    next to blood, and the difference between blood and brain is a few per cent of the range that holds bone.

    Args:
        points: rising breakpoints in HU, at least two.

    Input shape: (n, h, w, c) in HU. Output shape: (n, h, w, c * (len(points) - 1)), in [-1, 1].

    Example:
        >>> HuRamps((0, 50, 100))(tf.constant([[[[75.0]]]]))  # -> [1, 0]
    """

    pointwise = True  # see mil_tf.models.receptive

    def __init__(self, points, **kwargs):
        super().__init__(**kwargs)
        self.points = tuple(float(p) for p in points)
        if len(self.points) < 2 or any(low >= high for low, high in zip(self.points, self.points[1:])):
            raise ValueError(f"Expected at least two rising `points` in HU. Received: points={tuple(points)}")

    def call(self, inputs):
        # Three passes over what is many times the input; as it reads, (x - low) / (high - low), it would be six.
        low, high = np.array(self.points[:-1]), np.array(self.points[1:])
        scale, shift = 2.0 / (high - low), -(high + low) / (high - low)
        spread = tf.cast(inputs, self.compute_dtype)[..., None] * tf.constant(scale, self.compute_dtype)
        ramps = tf.raw_ops.ClipByValue(
            t=spread + tf.constant(shift, self.compute_dtype),
            clip_value_min=tf.constant(-1.0, self.compute_dtype), clip_value_max=tf.constant(1.0, self.compute_dtype),
        )
        shape = tf.shape(inputs)
        return tf.reshape(ramps, tf.concat([shape[:-1], [inputs.shape[-1] * (len(self.points) - 1)]], 0))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * (len(self.points) - 1))

    def get_config(self):
        return {**super().get_config(), "points": self.points}


@keras.saving.register_keras_serializable(package="mil_tf")
class Standardised(keras.layers.Layer):
    """Takes the mean from every channel and divides by its standard deviation.

    Args:
        mean: a number a channel.
        std: a number above 0 a channel.

    Input shape: (..., c). Output shape: the same.

    Example:
        >>> Standardised((100.0, 0.0), (50.0, 1.0))(tf.constant([[200.0, 3.0]]))  # -> [2, 3]
    """

    pointwise = True  # for mil_tf.models.receptive

    def __init__(self, mean, std, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.std = (tuple(float(each) for each in values) for values in (mean, std))
        if len(self.mean) != len(self.std) or not all(each > 0 for each in self.std):
            raise ValueError(
                f"Expected as many numbers above 0 as `std` as there are in `mean`. Received: mean={mean}, std={std}"
            )

    def call(self, inputs):
        mean, std = (tf.constant(values, self.compute_dtype) for values in (self.mean, self.std))
        return (tf.cast(inputs, self.compute_dtype) - mean) / std

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}


def scaling_layer(scaling):
    """The input layer for `scaling`: ("window", center, width), ("ramps", *points), ("standard", mean, std), the two
    of these a number a channel, or None for HU as they are.

    It computes in float32 under every policy: 8 bits cannot tell 130 HU from 131.

    Raises:
        ValueError: where the kind is unknown.
    """
    if scaling is None:
        return lambda inputs: inputs
    kind, *values = scaling
    if kind == "window":
        return HuWindow(*values, name="hu_window", dtype="float32")
    if kind == "ramps":
        return HuRamps(values, name="hu_ramps", dtype="float32")
    if kind == "standard":
        return Standardised(*values, name="standardised", dtype="float32")
    raise ValueError(f"Expected `scaling` to be 'window', 'ramps', 'standard' or None. Received: {scaling!r}")
