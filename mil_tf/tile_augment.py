"""Augmentation of lerousseau2020 (section 3.1): flips, rotations and colour jitter, sampled by seed, then applied.

The paper gives no ranges. Our decisions: rotations by quarter turns, which need no pixel from outside and so no
invented ones, and with flips all eight ways to lay a tile down; brightness, contrast and saturation by up to a fifth,
hue by up to 18 degrees. Jitter is one linear map of a tile's colours.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import AUGMENT_STREAM, generator

BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.2, 0.2, 0.2, np.deg2rad(18.0)
# Luminance and chrominance of NTSC, of which hue is the angle and saturation the length.
YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
WHITE = 255.0
KINDS = ("none", "flips", "paper")


class Draw(NamedTuple):
    """The numbers of one tile. turns: quarter turns. mirror: whether columns change places. The rest: factors, and an
    angle in radians.
    """

    turns: int = 0
    mirror: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0


def sample(rng, jitter=True):
    """Returns a Draw; jitter or not takes as many numbers."""
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
    brightness, contrast, saturation, hue = rng.uniform(-1, 1, 4)
    if not jitter:
        return Draw(turns, mirror)
    return Draw(
        turns, mirror, 1 + BRIGHTNESS * brightness, 1 + CONTRAST * contrast, 1 + SATURATION * saturation, HUE * hue
    )


def tile_augmentation(kind, seed):
    """Returns a function (images (m, h, w, 3) from 0 to 255, epoch, keys (m, ...)) -> float32 tensor, or None.

    Args:
        kind: of KINDS; "flips" has rotations too and no jitter.
        seed: of the run; a tile's draw depends on seed, epoch and its key (a row of numbers) alone.

    Raises:
        ValueError: where the kind is unknown, or tiles to be turned are no squares.
    """
    if kind not in KINDS:
        raise ValueError(f"Expected `augmentation` to be one of {KINDS}. Received: {kind!r}")
    if kind == "none":
        return None

    def augment(images, epoch, keys):
        draws = [sample(generator(seed, AUGMENT_STREAM, epoch, *key), kind == "paper") for key in keys]
        return transform(images, draws)

    return augment


def transform(images, draws):
    """Applies Draws to tiles (m, h, w, 3) from 0 to 255; float32, clipped to that range."""
    images = np.asarray(images)
    if images.shape[1] != images.shape[2]:
        raise ValueError(f"Expected square tiles. Received: {images.shape[1]} x {images.shape[2]} pixels")
    laid = np.stack([_laid(image, draw) for image, draw in zip(images, draws)])
    matrices = np.stack([_matrix(draw) for draw in draws]).astype(np.float32)
    contrast = np.array([draw.contrast for draw in draws], np.float32)
    return _coloured(tf.cast(laid, tf.float32), tf.constant(matrices), tf.constant(contrast))


def _laid(image, draw):
    turned = np.rot90(image, draw.turns)
    return turned[:, ::-1] if draw.mirror else turned


def _matrix(draw):
    """(3, 3), applied to a column of red, green and blue."""
    cosine, sine = draw.saturation * np.cos(draw.hue), draw.saturation * np.sin(draw.hue)
    turned = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    return draw.brightness * np.linalg.inv(YIQ) @ turned @ YIQ


@tf.function(reduce_retracing=True)
def _coloured(images, matrices, contrast):
    """Colours turned, then drawn together or apart about the tile's mean grey."""
    turned = tf.einsum("nhwc,ndc->nhwd", images, matrices)
    grey = tf.reduce_mean(tf.linalg.matvec(turned, tf.constant(YIQ[0], tf.float32)), axis=[1, 2])[:, None, None, None]
    return tf.clip_by_value((turned - grey) * contrast[:, None, None, None] + grey, 0.0, WHITE)
