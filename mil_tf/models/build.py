"""Options -> scorer."""

import contextlib

import keras

from mil_tf.models.convnet import SMALLEST, convnet
from mil_tf.models.released import released
from mil_tf.models.resnet import BLOCKS, resnet

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
BACKBONES = (*(f"resnet{depth}" for depth in BLOCKS), "released", "convnet")


def build_scorer(options, seed, channels=1, size=None):
    """Builds the network that a recipe's options describe, with the initial weights of `seed`.

    The weights depend on seed and network alone, so every size and fold of a seed starts from the same ones.

    Args:
        options: {name: value}, resolved.
        seed: of the run.
        channels: input channels.
        size: (h, w) of what it will be fed; checked where given.

    Returns:
        A Keras model, (n, h, w, channels) in HU -> (n, 2) probabilities.

    Raises:
        ValueError: where the backbone is unknown, or the size is below what it takes.
    """
    keras.utils.set_random_seed(seed)
    with arithmetic(options["precision"]):
        return _built(options, channels, size)


@contextlib.contextmanager
def arithmetic(precision):
    """Within it, layers are built to compute in `precision`, one of PRECISIONS; weights stay float32.

    Raises:
        ValueError: where it is unknown.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"Expected `precision` to be one of {PRECISIONS}. Received: {precision!r}")
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def _built(options, channels, size):
    scaling = _scaling(options)
    backbone = options["backbone"]
    if backbone == "released":
        return released(scaling, channels)
    if backbone == "convnet":
        if size is not None and min(size) < SMALLEST:
            raise ValueError(
                f"Expected slices of at least {SMALLEST} pixels a side for convnet. Received: {tuple(size)}"
            )
        return convnet(scaling, options["activation"], options["dropout"], channels)
    if backbone not in BACKBONES:
        raise ValueError(f"Expected `backbone` to be one of {BACKBONES}. Received: {backbone!r}")
    return resnet(
        int(backbone.removeprefix("resnet")), options["width"], options["norm"], options["zero_residual"],
        options["activation"], scaling, channels, stem=options["stem"], dropout=options["dropout"],
        pool=options["pool"],
    )


def _scaling(options):
    kind = options["scaling"]
    if kind == "none":
        return None
    return (kind, *(options["hu_points"] if kind == "ramps" else (options["window_center"], options["window_width"])))
