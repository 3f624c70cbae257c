"""Single cells cut out of a field, around their centres (kraus2016, section 4.4).

A window that would leave the field is moved inside (our decision), so that nothing is made up and no cell is left out;
a field smaller than the window gives one of its own size.
"""

import numpy as np


def around(image, points, size):
    """Windows around points.

    Args:
        image: (h, w, c).
        points: (p, 2), y and x in pixels.
        size: pixels a side.

    Returns:
        (p, min(size, h), min(size, w), c), of the image's type.
    """
    sides = [min(size, side) for side in image.shape[:2]]
    found = np.empty((len(points), *sides, image.shape[2]), image.dtype)
    for place, (top, left) in enumerate(corners(image.shape, points, size)):
        found[place] = image[top : top + sides[0], left : left + sides[1]]
    return found


def corners(shape, points, size):
    """(top, left) of each window, int64 (p, 2).

    Args:
        shape: (h, w, ...) of the image.
        points, size: as of `around`.
    """
    whole = np.array(shape[:2])
    sides = np.minimum(size, whole)
    centred = np.rint(np.asarray(points, np.float64).reshape(-1, 2) - (sides - 1) / 2)
    return np.clip(centred, 0, whole - sides).astype(np.int64)


def centres(fields):
    """(y and x float32 (p, 2), class int64 (p,) or -1) of a bag's cells; empty where none are known.

    Args:
        fields: a `tfrecords.Bag` of one field.
    """
    points = np.zeros((0, 4), np.float32) if fields.points is None else fields.points
    return points[:, 1:3], points[:, 3].astype(np.int64)
