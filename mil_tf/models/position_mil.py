"""The networks of nemcek2021: a slice is the bag, the positions of its feature map are the instances.

`paper` is what sections II-B to II-E state: three levels of three residual blocks of two convolutions, 18 in all,
2x2 max-pooling between the levels, so that the map has a quarter of the slice's size, and a fully connected end.
Silent there, so ours: the widths (the released code's), He et al.'s basic block, shortcuts padded with zeros where a
level widens (their option A, without convolutions of its own), and a scalar for max pooling by a `Dense` layer.

`released` is what the authors' code computes: a first convolution, three levels of pool(c(c(c(x))) + x) with c =
conv3x3-BN-ReLU, a c between levels, pooling after the last one too: an eighth. Its layers 0-2, 7-9 and 14-16 are not
here, because their output is overwritten before anything reads it.

Both end in max pooling (eq. 1) or gated attention (eq. 2-3). Convolutions have a bias, start after Glorot (normal),
and batch normalisation is PyTorch's (momentum 0.9, epsilon 1e-5), as in the released code; the paper does not say.
"""

import keras
import tensorflow as tf

from mil_tf.models.channels import RELEASED_MEAN, RELEASED_STD, HuChannels
from mil_tf.models.norms import normalisation
from mil_tf.pooling.gated_attention import GatedAttentionPooling
from mil_tf.pooling.max import MaxPooling

FORMS = ("paper", "released")
POOLINGS = ("max", "attention")
WIDTHS = (12, 24, 36)  # channels of the levels; released code
BLOCKS = 3  # residual blocks a level (paper), and convolutions of a released level's one live block
ATTENTION = 36  # L of eq. 3; released code
POSITIONS = (-3, -2)  # the axes over which is pooled


def position_mil(form="paper", pooling="max", mean=RELEASED_MEAN, std=RELEASED_STD):
    """Builds a network that takes HU.

    Args:
        form: "paper" or "released".
        pooling: "max" or "attention".
        mean, std: constants of `mil_tf.models.channels.HuChannels`.

    Input shape: (n, h, w, 1) in HU. Output shape: as of `network`.

    Raises:
        ValueError: where an argument is none of these.
    """
    return taking_hu(network(form, pooling), mean, std)


def taking_hu(inner, mean=RELEASED_MEAN, std=RELEASED_STD):
    """The model (n, h, w, 1) in HU -> outputs of `inner`, whose weights it shares and which takes the channels."""
    inputs = keras.Input((None, None, 1), name="slices")
    channels = HuChannels(mean, std, name="hu_channels", dtype="float32")(inputs)
    return keras.Model(inputs, inner(channels), name=f"{inner.name}_hu")


def network(form="paper", pooling="max", blocks=BLOCKS):
    """Builds a network on standardised channels.

    Args:
        form: "paper" or "released".
        pooling: "max" or "attention".
        blocks: residual blocks a level, or convolutions of a released level's block. With fewer a position sees less:
            a square of 88 pixels with the paper's three, of 32 with one (released: 80 and 52), which is what small
            slices want.

    Input shape: (n, h, w, 3); h and w at least 4 (paper) or 8 (released).
    Output shape: {"logit": (n, 1), "map": (n, h', w', 1)} in float32, a quarter or an eighth of h and w, rounded down.
        With max pooling the map is that of logits, whose highest is the answer; with attention it is the weights
        a_k, which sum to 1 over a slice.

    Raises:
        ValueError: where an argument is none of these.
    """
    if form not in FORMS:
        raise ValueError(f"Expected `form` to be one of {FORMS}. Received: form={form!r}")
    if pooling not in POOLINGS:
        raise ValueError(f"Expected `pooling` to be one of {POOLINGS}. Received: pooling={pooling!r}")
    inputs = keras.Input((None, None, 3), name="channels")
    if blocks < 1:
        raise ValueError(f"Expected `blocks` of at least 1. Received: blocks={blocks}")
    features = _paper_body(inputs, blocks) if form == "paper" else _released_body(inputs, blocks)
    heads = {
        ("paper", "max"): _paper_max, ("released", "max"): _released_max,
        ("paper", "attention"): _paper_attention, ("released", "attention"): _released_attention,
    }
    logit, positions = heads[form, pooling](features)
    return keras.Model(inputs, {"logit": logit, "map": positions}, name=f"nemcek2021_{form}_{pooling}")


def _paper_body(x, blocks):
    for level, width in enumerate(WIDTHS, 1):
        if level > 1:
            x = keras.layers.MaxPooling2D(2, name=f"level{level - 1}_pool")(x)
        for block in range(1, blocks + 1):
            x = _residual(x, width, f"level{level}_block{block}")
    return x


def _residual(x, width, name):
    """He et al. 2016, figure 2: relu(norm(conv(relu(norm(conv(x))))) + x)."""
    inner = _normalised(_unit(x, width, f"{name}_unit1"), width, f"{name}_unit2")
    shortcut = x if x.shape[-1] == width else WidenedChannels(width, name=f"{name}_shortcut")(x)
    return keras.layers.Activation("relu", name=f"{name}_act")(keras.layers.Add(name=f"{name}_add")([inner, shortcut]))


def _released_body(x, blocks):
    x = _unit(x, WIDTHS[0], "init")
    for level, width in enumerate(WIDTHS, 1):
        if level > 1:
            x = _unit(x, width, f"transition{level - 1}")
        inner = x
        for index in range(1, blocks + 1):
            inner = _unit(inner, width, f"level{level}_unit{index}")
        x = keras.layers.Add(name=f"level{level}_add")([inner, x])
        x = keras.layers.MaxPooling2D(2, name=f"level{level}_pool")(x)
    return x


def _unit(x, width, name):
    return keras.layers.Activation("relu", name=f"{name}_act")(_normalised(x, width, name))


def _normalised(x, width, name):
    x = keras.layers.Conv2D(width, 3, padding="same", kernel_initializer="glorot_normal", name=f"{name}_conv")(x)
    return normalisation("batch", width, f"{name}_norm")(x)


def _paper_max(features):
    """A scalar at every position, its maximum, and the fully connected layer: w z + b (section II-C).

    w is kept at 1 or above (our decision), so that the highest position is the likeliest to bleed, and the same layer
    at every position makes a map of logits of which the answer is the highest. The layer before has a scale of its
    own, so nothing is lost by it; where w may become 0, it does while maxima still mean nothing, and then no gradient
    reaches the network any more (seen on phantoms).
    """
    scalar = _dense(1, "scalar")(features)
    end = _dense(1, "logit", kernel_initializer="ones", kernel_constraint=AtLeast(1.0))
    return end(_max()(scalar)), end(scalar)


def _released_max(features):
    """The highest of a map of logits; nothing is fully connected."""
    positions = keras.layers.Conv2D(
        1, 3, padding="same", kernel_initializer="glorot_normal", name="logit_map", dtype="float32"
    )(features)
    return _max()(positions), positions


def _max():
    return MaxPooling(axis=POSITIONS, name="pool", dtype="float32")


def _paper_attention(features):
    return _attention(features, use_bias=False)


def _released_attention(features):
    return _attention(features, use_bias=True)


def _attention(features, use_bias):
    """Gated attention (eq. 3; the equation has no bias, the released code has) and the fully connected layer."""
    pooling = GatedAttentionPooling(ATTENTION, use_bias, True, axis=POSITIONS, name="pool", dtype="float32")
    pooled, weights = pooling(features)
    return _dense(1, "logit")(pooled), AsImage(name="map", dtype="float32")(weights)


def _dense(units, name, **options):
    """One layer for all positions, in float32 under every policy."""
    return keras.layers.Dense(units, name=name, dtype="float32", **{"kernel_initializer": "glorot_normal", **options})


@keras.saving.register_keras_serializable(package="mil_tf")
class AtLeast(keras.constraints.Constraint):
    """Keeps weights from falling below a value.

    Args:
        least: the value.

    Example:
        >>> AtLeast(1.0)(tf.constant([0.5, 2.0]))  # -> [1.0, 2.0]
    """

    def __init__(self, least):
        self.least = least

    def __call__(self, w):
        return tf.maximum(w, tf.cast(self.least, w.dtype))

    def get_config(self):
        return {"least": self.least}


@keras.saving.register_keras_serializable(package="mil_tf")
class WidenedChannels(keras.layers.Layer):
    """Appends channels of zeros (He et al. 2016, section 3.3, option A).

    Args:
        channels: how many there are afterwards.

    Input shape: (n, h, w, c), c at most `channels`. Output shape: (n, h, w, channels).
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, inputs):
        return tf.pad(inputs, [[0, 0], [0, 0], [0, 0], [0, self.channels - inputs.shape[-1]]])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="mil_tf")
class AsImage(keras.layers.Layer):
    """Gives the positions of a map their channel: (n, h, w) -> (n, h, w, 1)."""

    def call(self, inputs):
        return inputs[..., None]

    def compute_output_shape(self, input_shape):
        return (*input_shape, 1)
