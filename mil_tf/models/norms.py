"""The normalisation that a network is built with: batch, group, none, or one that an add-on registers."""

import keras

from mil_tf import registry

# He et al. 2016 (the ResNet reference implementations): momentum 0.9, epsilon 1e-5.
BATCH_MOMENTUM = 0.9
BATCH_EPSILON = 1e-5
# Wu & He 2018 use 1e-5; MIL bags hold null-padded, constant regions whose variance is 0, where 1e-5 magnifies
# float32 rounding by 300. Our decision: 1e-3, at which float32 and float64 gradients agree (test).
GROUP_EPSILON = 1e-3
GROUP_CHANNELS = 8  # channels a group; our decision: 32 groups (Wu & He) do not exist in narrow networks

NORMS = ("batch", "group", "none")


def normalisation(norm, channels, name):
    """Returns the layer for `norm`, or None for "none".

    Args:
        norm: "batch", "group", "none", or a registered name such as "Addons>GroupNormalization".
        channels: channels of the tensor that is normalised.
        name: name of the layer.

    Raises:
        ValueError: where the name is unknown.
    """
    if norm == "none":
        return None
    if norm == "batch":
        return keras.layers.BatchNormalization(momentum=BATCH_MOMENTUM, epsilon=BATCH_EPSILON, name=name)
    if norm == "group":
        return keras.layers.GroupNormalization(
            groups=max(1, channels // GROUP_CHANNELS), epsilon=GROUP_EPSILON, name=name
        )
    if ">" in norm:
        return registry.layer(norm, {"groups": max(1, channels // GROUP_CHANNELS)}, name=name)
    raise ValueError(f"Expected `norm` to be one of {NORMS} or a registered name. Received: norm={norm!r}")
