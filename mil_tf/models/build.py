"""Options -> scorer."""

import keras

from mil_tf.models.convnet import convnet
from mil_tf.models.released import released
from mil_tf.models.resnet import BLOCKS, resnet

BACKBONES = (*(f"resnet{depth}" for depth in BLOCKS), "released", "convnet")


def build_scorer(options, seed, channels=1):
    """Builds the network that a recipe's options describe, with the initial weights of `seed`.

    The weights depend on seed and network alone, so every size and fold of a seed starts from the same ones.

    Args:
        options: {name: value}, resolved.
        seed: of the run.
        channels: input channels.

    Returns:
        A Keras model, (n, h, w, channels) in HU -> (n, 2) probabilities.

    Raises:
        ValueError: where the backbone is unknown.
    """
    keras.utils.set_random_seed(seed)
    window = (options["window_center"], options["window_width"]) if options["window_width"] else None
    backbone = options["backbone"]
    if backbone == "released":
        return released(window, channels)
    if backbone == "convnet":
        return convnet(window, options["activation"], options["dropout"], channels)
    if backbone not in BACKBONES:
        raise ValueError(f"Expected `backbone` to be one of {BACKBONES}. Received: {backbone!r}")
    return resnet(
        int(backbone.removeprefix("resnet")), options["width"], options["norm"], options["zero_residual"],
        options["activation"], window, channels, stem=options["stem"], dropout=options["dropout"],
    )
