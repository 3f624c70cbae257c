"""ResNet with basic blocks (He et al. 2016) for slices, the scorer of remedios2020 (section 2.2: ResNet-34).

Layout: 7x7/2 stem, 3x3/2 max-pooling, four stages of basic blocks, global average pooling, softmax. The paper states
ResNet-34 and two softmax outputs; that is `depth=34, width=64`. Smaller depths and widths are ours, for small images.
"""

import keras

from mil_tf import registry
from mil_tf.models.dropout import CountedDropout
from mil_tf.models.head import probabilities
from mil_tf.models.norms import normalisation
from mil_tf.models.scaling import scaling_layer

# Blocks a stage: He et al. 2016, table 1, for 18 and 34; 10 is the usual one-block-a-stage form.
BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
# Kernel and stride of the first convolution, and whether 3x3/2 max-pooling follows.
STEMS = {"imagenet": (7, 2, True), "light": (3, 2, True), "half": (3, 2, False), "small": (3, 1, False)}
POOLS = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}


def resnet(
    depth=34, width=64, norm="batch", zero_residual=True, activation="relu", scaling=None, channels=1, classes=2,
    stem="imagenet", dropout=0.0, pool="average",
):
    """Builds the network.

    Args:
        depth: 10, 18 or 34.
        width: filters of the first stage; doubled at each of the other three.
        norm: "batch", "group", "none" or a registered layer name; see `mil_tf.models.norms`.
        zero_residual: starts every residual branch at zero (the last scale, or without a norm the last kernel), so
            that the network begins as its shortcut. Without it an unnormalised ResNet-34 explodes.
        activation: name of the activation.
        scaling: of the input, see `mil_tf.models.scaling.scaling_layer`; None feeds HU as they are.
        channels: input channels.
        classes: softmax outputs.
        stem: "imagenet" (7x7/2, 3x3/2 max-pooling), or for small images "light" (3x3/2, pooling), "half" (3x3/2)
            or "small" (3x3/1).
        dropout: rate before the last layer.
        pool: "average" (He et al. 2016) or "max" over the last feature map.

    Input shape: (n, h, w, channels) in HU. Output shape: (n, classes), probabilities in float32.

    Raises:
        ValueError: where an argument is outside the values above.
    """
    if depth not in BLOCKS:
        raise ValueError(f"Expected `depth` to be one of {tuple(BLOCKS)}. Received: depth={depth}")
    if stem not in STEMS:
        raise ValueError(f"Expected `stem` to be one of {tuple(STEMS)}. Received: stem={stem!r}")
    if pool not in POOLS:
        raise ValueError(f"Expected `pool` to be one of {tuple(POOLS)}. Received: pool={pool!r}")
    block = _Block(norm, activation, zero_residual)
    inputs = keras.Input((None, None, channels), name="slices")
    x = scaling_layer(scaling)(inputs)
    x = _stem(x, width, stem, block)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for index in range(blocks):
            stride = 2 if stage and not index else 1
            x = block(x, width * 2**stage, stride, name=f"stage{stage + 1}_block{index + 1}")
    return keras.Model(inputs, _head(x, classes, dropout, pool), name=f"resnet{depth}")


def _stem(x, width, stem, block):
    kernel, stride, pooled = STEMS[stem]
    x = block.activate(block.normalise(block.convolve(x, width, kernel, stride, "stem_conv"), "stem_norm"), "stem_act")
    return keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x) if pooled else x


def _head(x, classes, dropout, pool):
    x = POOLS[pool](name="pool", dtype="float32")(x)
    if dropout:
        x = CountedDropout(dropout, name="dropout")(x)
    return probabilities(keras.layers.Dense(classes, name="logits", dtype="float32")(x))


class _Block:
    """Basic block: conv-norm-act-conv-norm, plus the shortcut, then the activation."""

    def __init__(self, norm, activation, zero_residual):
        self.norm = norm
        self.activation = registry.activation(activation)
        self.zero_residual = zero_residual

    def __call__(self, x, filters, stride, name):
        shortcut = self._shortcut(x, filters, stride, name)
        x = self.convolve(x, filters, 3, stride, f"{name}_conv1")
        x = self.activate(self.normalise(x, f"{name}_norm1"), f"{name}_act1")
        x = self._last(x, filters, name)
        return self.activate(keras.layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_act2")

    def convolve(self, x, filters, kernel, stride, name, initializer="he_normal"):
        return keras.layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=self.norm == "none", kernel_initializer=initializer,
            name=name,
        )(x)

    def normalise(self, x, name):
        layer = normalisation(self.norm, x.shape[-1], name)
        return x if layer is None else layer(x)

    def activate(self, x, name):
        return keras.layers.Activation(self.activation, name=name)(x)

    def _last(self, x, filters, name):
        zero_kernel = self.zero_residual and self.norm == "none"
        x = self.convolve(x, filters, 3, 1, f"{name}_conv2", "zeros" if zero_kernel else "he_normal")
        layer = normalisation(self.norm, filters, f"{name}_norm2")
        if layer is None:
            return x
        if self.zero_residual and hasattr(layer, "gamma_initializer"):
            layer.gamma_initializer = keras.initializers.get("zeros")
        return layer(x)

    def _shortcut(self, x, filters, stride, name):
        if stride == 1 and x.shape[-1] == filters:
            return x
        if stride > 1:
            # Equal to striding the 1x1 convolution, whose weight gradient crashes oneDNN in some widths
            # (TensorFlow 2.15 and 2.21).
            x = keras.layers.MaxPooling2D(1, stride, name=f"{name}_shortcut_stride")(x)
        return self.normalise(self.convolve(x, filters, 1, 1, f"{name}_shortcut"), f"{name}_shortcut_norm")
