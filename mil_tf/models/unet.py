"""U-Net (Ronneberger, Fischer and Brox, MICCAI 2015), the segmentation network f of parida2021 (section 4.2).

The form is theirs: levels of two 3x3 convolutions, 2x2 max-pooling down, 2x2 up-convolutions that halve the channels,
skips that are concatenated, a 1x1 convolution at the end. Ours, as is now usual: convolutions are padded, so that every
pixel has an answer; batch normalisation before each ReLU. parida2021 states none of it, nor depth and width.
"""

import keras
import tensorflow as tf

from mil_tf.models.channels import RELEASED_MEAN, RELEASED_STD, HuChannels
from mil_tf.models.dropout import CountedDropout
from mil_tf.models.norms import normalisation
from mil_tf.models.scaling import Standardised

INITIAL = "he_normal"  # Ronneberger et al. 2015, section 3: a standard deviation of sqrt(2 / N)


def unet(
    classes, channels=1, width=32, depth=4, norm="batch", dropout=0.0, mean=RELEASED_MEAN, std=RELEASED_STD,
):
    """Builds the network.

    Parameters of five classes and one channel of HU: 7.77 M at the default width of 32, 31.05 M at the 64 of
    Ronneberger et al. (31.03 M without a norm, with one channel as it is and two outputs, as theirs), 0.49 M at 8.

    Args:
        classes: K, without the background.
        channels: of the input. One is HU, of which `mil_tf.models.channels.HuChannels` makes three: as they are, brain
            window, subdural window (our decision: blood differs from brain by 2 % of what bone differs from air).
            Several are standardised as they are.
        width: filters of the first level; doubled at each below.
        depth: how many times is pooled (Ronneberger et al.: 4).
        norm: "batch", "group", "none" or a registered layer name; see `mil_tf.models.norms`.
        dropout: rate at the end of the contracting path, where Ronneberger et al. have theirs.
        mean, std: of the channels that are standardised, three where `channels` is 1, else one each.

    Input shape: (n, h, w, channels), h and w any; to multiples of 2^depth the slice is continued by its border.
    Output shape: {"logits": (n, h, w, classes + 1)} in float32, the background's first.

    Raises:
        ValueError: where an argument is outside the values above.
    """
    if min(classes, channels, width, depth) < 1:
        raise ValueError(
            "Expected `classes`, `channels`, `width` and `depth` of at least 1. "
            f"Received: classes={classes}, channels={channels}, width={width}, depth={depth}"
        )
    inputs = keras.Input((None, None, channels), name="slices")
    standard = HuChannels if channels == 1 else Standardised
    if channels > 1 and len(mean) != channels:
        raise ValueError(f"Expected `mean` and `std` of {channels} channels. Received: mean={mean}, std={std}")
    x = standard(mean, std, name="standardised", dtype="float32")(inputs)
    x = Continued(2**depth, name="continued", dtype="float32")(x)
    block = _Block(norm)
    x, skips = _contracted(x, width, depth, block)
    if dropout:
        x = CountedDropout(dropout, name="dropout")(x)
    for level in reversed(range(depth)):
        x = _expanded(x, skips[level], width * 2**level, f"up{level + 1}", block)
    x = keras.layers.Conv2D(
        classes + 1, 1, kernel_initializer=INITIAL, name="logit_map", dtype="float32"
    )(x)
    return keras.Model(inputs, {"logits": CutBack(name="logits", dtype="float32")([x, inputs])}, name="unet")


def _contracted(x, width, depth, block):
    """(the lowest level's features, [those of every level above])."""
    skips = []
    for level in range(depth):
        x = block(x, width * 2**level, f"down{level + 1}")
        skips.append(x)
        x = keras.layers.MaxPooling2D(2, name=f"down{level + 1}_pool")(x)
    return block(x, width * 2**depth, "bottom"), skips


def _expanded(x, skip, width, name, block):
    x = keras.layers.Conv2DTranspose(width, 2, 2, kernel_initializer=INITIAL, name=f"{name}_conv")(x)
    return block(keras.layers.Concatenate(name=f"{name}_skip")([skip, x]), width, name)


class _Block:
    """Twice: 3x3 convolution, norm, ReLU."""

    def __init__(self, norm):
        self.norm = norm

    def __call__(self, x, width, name):
        for index in (1, 2):
            x = keras.layers.Conv2D(
                width, 3, padding="same", use_bias=self.norm == "none", kernel_initializer=INITIAL,
                name=f"{name}_conv{index}",
            )(x)
            layer = normalisation(self.norm, width, f"{name}_norm{index}")
            x = keras.layers.Activation("relu", name=f"{name}_act{index}")(x if layer is None else layer(x))
        return x


@keras.saving.register_keras_serializable(package="mil_tf")
class Continued(keras.layers.Layer):
    """Continues an image below and to the right by its border, until its sides are multiples of a number.

    The border's value is that of the background, whatever that is, and an image of any size can be continued.

    Args:
        multiple: the number, 1 or above.

    Input shape: (n, h, w, c), h and w above 0. Output shape: (n, h', w', c), each side up to `multiple` - 1 longer.

    Example:
        >>> Continued(2)(tf.constant([[[[1.0], [2.0], [3.0]]]]))  # -> twice the row 1, 2, 3, 3
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        if multiple < 1:
            raise ValueError(f"Expected `multiple` of at least 1. Received: multiple={multiple}")
        self.multiple = int(multiple)

    def call(self, inputs):
        for axis in (1, 2):
            length = tf.shape(inputs)[axis]
            longer = -(-length // self.multiple) * self.multiple
            inputs = tf.gather(inputs, tf.minimum(tf.range(longer), length - 1), axis=axis)
        return inputs

    def compute_output_shape(self, input_shape):
        sides = (None if side is None else -(-side // self.multiple) * self.multiple for side in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(package="mil_tf")
class CutBack(keras.layers.Layer):
    """Cuts the first image to the height and width of the second; see `Continued`.

    Input shape: [(n, h', w', c), (n, h, w, any)]. Output shape: (n, h, w, c).
    """

    def call(self, inputs):
        image, like = inputs
        return image[:, : tf.shape(like)[1], : tf.shape(like)[2]]

    def compute_output_shape(self, input_shape):
        image, like = input_shape
        return (*like[:3], image[3])
