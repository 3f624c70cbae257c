"""Binary morphology of stacks of slices, by whole shifted arrays: many times faster than voxel by voxel.

The results are those of SimpleITK's BinaryDilate and its kin with a ball, and of scikit-image's convex_hull_image
(tests hold them against each other); most of the time of a brain extraction was spent in those.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

IN_PLANE = np.zeros((3, 3, 3), bool)  # neighbours that share an edge, in the same slice
IN_PLANE[1] = ndimage.generate_binary_structure(2, 1)
CORNERS = np.array([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)])  # of a pixel, as scikit-image has them
NEAR = 1e-9  # voxels, against rounding


def dilated(mask, radii):
    """A mask (n, h, w) grown by an ellipsoid of `radii` voxels, half a voxel more along each axis."""
    found, wide = np.zeros_like(mask), mask.copy()
    reach = _reach(radii)
    for width in range(radii[2] + 1):
        if width:
            for offset in (-width, width):
                _join(wide, mask, (0, 0, offset))
        for deep, high in np.argwhere(reach == width) - radii[:2]:
            _join(found, wide, (deep, high, 0))
    return found


def eroded(mask, radii):
    """What of a mask an ellipsoid leaves; beyond the volume all counts as mask."""
    return ~dilated(~mask, radii)


def closed(mask, radii):
    """A mask grown and eroded, as if empty space lay around the volume."""
    around = [(radius, radius) for radius in radii]
    found = eroded(dilated(np.pad(mask, around), radii), radii)
    return found[tuple(slice(radius, radius + size) for radius, size in zip(radii, mask.shape))]


def filled(mask):
    """Holes filled in every slice."""
    around, count = ndimage.label(np.pad(~mask, ((0, 0), (1, 1), (1, 1)), constant_values=True), IN_PLANE)
    outer = np.zeros(count + 1, bool)
    outer[around[:, 0, 0]] = True
    return ~outer[around[:, 1:-1, 1:-1]]


def largest(mask):
    """The largest piece of a mask that is not empty."""
    labels, _ = ndimage.label(mask)
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax()


def hulls(mask, mirrors=None):
    """The convex hull of every slice (n, h, w), or of the slice and its mirror image.

    Args:
        mirrors: (n, 2, 3), takes (row, column, 1) of every slice to where its mirror image lies.
    """
    mirrors = [None] * len(mask) if mirrors is None else mirrors
    return np.stack([_hull(plane, mirror) if plane.any() else plane for plane, mirror in zip(mask, mirrors)])


def _reach(radii):
    """How far an ellipsoid reaches along the columns, by slice and row from its middle; -1 where it does not."""
    deep, high = np.ogrid[-radii[0] : radii[0] + 1, -radii[1] : radii[1] + 1]
    left = 1 - (deep / (radii[0] + 0.5)) ** 2 - (high / (radii[1] + 0.5)) ** 2
    return np.where(left < 0, -1, (np.sqrt(np.maximum(left, 0)) * (radii[2] + 0.5) + NEAR).astype(int))


def _join(found, mask, offsets):
    """Adds a mask, shifted, to another in place."""
    pairs = [_overlap(offset, size) for offset, size in zip(offsets, mask.shape)]
    found[tuple(to for to, _ in pairs)] |= mask[tuple(of for _, of in pairs)]


def _overlap(offset, size):
    """Where an axis shifted by `offset` comes to lie, and what of it lands there."""
    left = max(0, size - abs(offset))
    return slice(max(0, offset), max(0, offset) + left), slice(max(0, -offset), max(0, -offset) + left)


def _hull(plane, mirror):
    """The convex hull of a plane (h, w) that is not empty, from the first and last pixel of each of its rows."""
    rows = np.flatnonzero(plane.any(axis=1))
    ends = [plane[rows].argmax(axis=1), plane.shape[1] - 1 - plane[rows, ::-1].argmax(axis=1)]
    points = np.concatenate([np.column_stack([rows, end]) + corner for end in ends for corner in CORNERS])
    if mirror is not None:
        points = np.concatenate([points, points @ mirror[:, :2].T + mirror[:, 2]])
    corners = points[ConvexHull(points).vertices]
    height, columns = np.arange(plane.shape[0]), np.arange(plane.shape[1])
    low, high = (sign * np.interp(height, *_side(corners, sign)) for sign in (1, -1))
    within = (columns >= low[:, None] - NEAR) & (columns <= high[:, None] + NEAR)
    return within & ((height >= corners[:, 0].min()) & (height <= corners[:, 0].max()))[:, None]


def _side(corners, sign):
    """(rows, sign * columns) of the hull's corners on its left (sign 1) or right (-1) side, by row."""
    rows, columns = corners[np.lexsort((sign * corners[:, 1], corners[:, 0]))].T * [[1], [sign]]
    last = np.flatnonzero(rows == rows[-1])[0]
    chord = np.interp(rows, rows[[0, last]], columns[[0, last]])
    kept = columns <= chord + NEAR
    return rows[kept], columns[kept]
