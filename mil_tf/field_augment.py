"""Augmentation of kraus2016 (section 4.3): a random crop, random rotations and reflections of a field.

Images of one batch are cropped to a common size, so that no padding is ever pooled. Numbers are drawn by seed, epoch
and bag; what is computed for a bag depends on the others of its batch through that size alone.

The paper does not say by which angles it rotates. Quarter turns are the default (our decision): they are exact, while
an interpolation blurs the texture that tells phenotypes apart, and cells know no direction of the camera. `any` turns
by every angle, bilinearly, and reflects the image at its border where the turned crop leaves it.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import AUGMENT_STREAM, generator

ROTATIONS = ("quarter", "any", "none")


class Draw(NamedTuple):
    """The numbers of one field. top, left: 0..1, of the pixels that a crop can move by. turns: quarter turns, against
    the clock. angle: radians. mirror: whether columns are reversed, after the turn.
    """

    top: float = 0.0
    left: float = 0.0
    turns: int = 0
    angle: float = 0.0
    mirror: bool = False

    @classmethod
    def of(cls, rng):
        """A Draw from a numpy Generator."""
        top, left, angle = rng.uniform(0, 1, 3)
        return cls(float(top), float(left), int(rng.integers(4)), float(2 * np.pi * angle), bool(rng.integers(2)))


class FieldAugmentation:
    """Crops, turns and mirrors the fields of a batch.

    Args:
        crop: pixels a side (900 in the paper), never more than the smallest field of the batch has; 0 takes what all
            of them have.
        rotation: one of ROTATIONS; none takes reflections away too.
        seed: of the run.

    Raises:
        ValueError: where the crop is below 0 or the rotation unknown.
    """

    def __init__(self, crop, rotation, seed):
        if crop < 0:
            raise ValueError(f"Expected `crop` of at least 0. Received: crop={crop}")
        if rotation not in ROTATIONS:
            raise ValueError(f"Expected `rotation` to be one of {ROTATIONS}. Received: rotation={rotation!r}")
        self._crop, self._rotation, self._seed = crop, rotation, seed

    def __call__(self, images, epoch, keys):
        """Returns (m, h', w', c), of the images' type, or float32 where they were interpolated.

        Args:
            images: m arrays (h, w, c).
            epoch: counted from 0.
            keys: a number, or several, for each; the draw is a function of seed, epoch and key.
        """
        size = common(images, self._crop)
        draws = [Draw.of(generator(self._seed, AUGMENT_STREAM, epoch, *np.atleast_1d(key))) for key in keys]
        if self._rotation == "any":
            return np.stack([interpolated(image, draw, size) for image, draw in zip(images, draws)])
        crops = [cropped(image, draw, size) for image, draw in zip(images, draws)]
        return np.stack([turned(*each) for each in zip(crops, draws)] if self._rotation == "quarter" else crops)


def common(images, crop=0):
    """(height, width) that all images have, at most `crop` a side where it is above 0."""
    sides = np.min([image.shape[:2] for image in images], axis=0)
    return tuple(int(min(side, crop or side)) for side in sides)


def cropped(image, draw, size):
    """The window of `size` whose corner a Draw names."""
    top, left = corner(image.shape, draw, size)
    return image[top : top + size[0], left : left + size[1]]


def corner(shape, draw, size):
    """(top, left) of the crop of a Draw, each of the possible ones equally likely."""
    room = [whole - kept for whole, kept in zip(shape, size)]
    return tuple(min(int(part * (free + 1)), free) for part, free in zip((draw.top, draw.left), room))


def turned(image, draw):
    """The image after its quarter turns and reflection; one that is not square makes half turns in their place."""
    square = image.shape[0] == image.shape[1]
    found = np.rot90(image, draw.turns if square else 2 * (draw.turns % 2))
    return found[:, ::-1] if draw.mirror else found


def interpolated(image, draw, size):
    """The crop of a Draw turned by its angle about its centre, float32."""
    steps = np.array(_matrix(image.shape, draw, size), np.float32)
    with tf.device("CPU"):  # whose bits do not depend on the accelerator
        found = tf.raw_ops.ImageProjectiveTransformV3(
            images=image[None].astype(np.float32), transforms=steps[None], output_shape=size, fill_value=0.0,
            interpolation="BILINEAR", fill_mode="REFLECT",
        )
    return found.numpy()[0]


def _matrix(shape, draw, size):
    """Eight numbers that lead from a pixel (x, y) of the output to one of the image."""
    cosine, sine = np.cos(draw.angle), np.sin(draw.angle)
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([-1.0 if draw.mirror else 1.0, 1.0])
    middle = (np.array(size[::-1]) - 1) / 2
    offset = middle + corner(shape, draw, size)[::-1] - linear @ middle
    return *linear[0], offset[0], *linear[1], offset[1], 0.0, 0.0
