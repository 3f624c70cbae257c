"""Augmentation of the instances that get a gradient: parameters are sampled by seed, then applied.

remedios2020 is silent on augmentation, and "none" stays the paper's form. "geometric" is our decision for heads: a
mirror across the midline (anatomy is symmetric enough that blood stays blood), a small rotation, scaling and shift.
Intensities are never changed, because HU mean something.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from mil_tf.data import AUGMENT_STREAM, generator


@dataclasses.dataclass(frozen=True)
class Geometric:
    """Ranges: rotation in degrees either way, scale and shift as fractions either way, mirror or not."""

    rotation: float = 12.0
    scale: float = 0.1
    shift: float = 0.05
    mirror: bool = True

    def sample(self, rng):
        """One draw: (angle in radians, scale, shift of columns, shift of rows, mirror as 1 or -1)."""
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        scale = rng.uniform(1 - self.scale, 1 + self.scale)
        columns, rows = rng.uniform(-self.shift, self.shift, 2)
        return angle, scale, columns, rows, rng.choice((-1.0, 1.0)) if self.mirror else 1.0


# Named sets of ranges; "digits" keeps the mirror out, because a mirrored digit is no digit.
KINDS = {"none": None, "geometric": Geometric(), "digits": Geometric(15.0, 0.1, 0.08, mirror=False)}


def augmentation(kind, seed, fill):
    """Returns a function (images (m, h, w, c), epoch, keys (m, ...)) -> images, or None for "none".

    Args:
        kind: a name of KINDS.
        seed: of the run; every image's draw depends on seed, epoch and its key (a row of numbers) alone, so that
            no portioning of the work changes it.
        fill: value of what comes in from outside the image (air: -1024 HU).

    Raises:
        ValueError: where the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"Expected `augmentation` to be one of {tuple(KINDS)}. Received: {kind!r}")
    ranges = KINDS[kind]
    if ranges is None:
        return None

    def augment(images, epoch, keys):
        draws = [ranges.sample(generator(seed, AUGMENT_STREAM, epoch, *key)) for key in keys]
        return transform(images, draws, fill)

    return augment


def transform(images, draws, fill):
    """Applies sampled parameters, bilinear.

    Args:
        images: float32 (m, h, w, c).
        draws: list of m results of `Geometric.sample`.
        fill: value outside.
    """
    height, width = images.shape[1:3]
    matrices = np.array([_matrix(draw, height, width) for draw in draws], np.float32)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=matrices, output_shape=[height, width], fill_value=float(fill),
        interpolation="BILINEAR",
    )


def _matrix(draw, height, width):
    """The eight numbers of a projective transform, output pixel -> input pixel, about the image's centre."""
    angle, scale, columns, rows, mirror = draw
    a, b = scale * np.cos(angle) * mirror, -scale * np.sin(angle)
    c, d = scale * np.sin(angle) * mirror, scale * np.cos(angle)
    x, y = (width - 1) / 2, (height - 1) / 2
    return a, b, x - a * x - b * y + columns * width, c, d, y - c * x - d * y + rows * height, 0.0, 0.0
