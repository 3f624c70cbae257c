"""What a Jacobian mapper gives of one image, whether it maps a Keras model or an exported one."""

from typing import Any, NamedTuple

import numpy as np


class Mapped(NamedTuple):
    """What a network says of an image, and why: float32 arrays.

    Attributes:
        jacobian: (h, w), or (h, w, m), a map a class asked for.
        logits: (h', w', k), z_ij.
        pooled: (k,), P_i.
        probabilities: (k,), of the last layer.
    """

    jacobian: Any
    logits: Any
    pooled: Any
    probabilities: Any


def mapped(maps, image, classes, channels, count):
    """A Mapped of one image.

    Args:
        maps: as `JacobianMapper.traced`.
        image, classes: as of a JacobianMapper's call.
        channels: that an image must have.
        count: of the classes that there are.

    Raises:
        ValueError: `image` has other axes or channels, or a class is none.
    """
    if np.ndim(image) != 3 or np.shape(image)[-1] != channels:
        raise ValueError(f"Expected an image (h, w, {channels}). Received: shape {np.shape(image)}")
    seeds = np.ones((1, count)) if classes is None else _each(classes, count)
    jacobian, *others = (value.numpy() for value in maps(np.asarray(image, np.float32)[None], seeds.astype(np.float32)))
    return Mapped(jacobian[0] if classes is None else np.moveaxis(jacobian, 0, -1), *others)


def _each(classes, count):
    """A row a class asked for, 1 at its place."""
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes) or not np.isin(classes, range(count)).all():
        raise ValueError(f"Expected indices of classes, 0 to {count - 1}. Received: {classes.tolist()}")
    return np.eye(count)[classes]
