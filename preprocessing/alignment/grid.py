"""A scan on the template's axes: the same voxel size, slices straight across, the template's middle in their middle."""

import numpy as np

from preprocessing.alignment.views import affine_transform, index_image
from preprocessing.itk import sitk


def frame(seen, to_mm, motion, middle, size):
    """The aligned grid: its slices hold all that is to be seen, and one of them goes through a slice of the scan in the
    middle of that, so that a scan that lies as the template does is not blurred by being cut between its slices.

    Args:
        seen: bool (n, h, w), what is to be seen of the scan.
        to_mm: takes the scan's (column, row, slice, 1) to scan mm.
        motion: (4, 4), template mm -> scan mm.
        middle: (3,) template mm.
        size: rows and columns of the grid.

    Returns:
        (matrix that takes (column, row, slice, 1) of the grid to template mm, number of its slices).
    """
    across, down, along = np.linalg.norm(to_mm[:3, :3], axis=0)
    low, high, anchor = _heights(seen, (np.linalg.inv(motion) @ to_mm)[2])
    below, above = (int(np.ceil(abs(end - anchor) / along)) for end in (low, high))
    half = (size - 1) / 2
    matrix = np.diag([-across, -down, along, 1.0])
    matrix[:3, 3] = middle[0] + across * half, middle[1] + down * half, anchor - below * along
    return matrix, below + above + 1


def resampled(volume, to_grid, shape, outside, nearest=False):
    """A volume (n, h, w) on another grid, float32 or its own type where `nearest`.

    Args:
        to_grid: takes (column, row, slice, 1) of the other grid to those of the volume.
        shape: (n, h, w) of the other grid.
        outside: the value where the scan has none.
    """
    reference = sitk.Image([int(size) for size in reversed(shape)], sitk.sitkUInt8)
    interpolator = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    transform = affine_transform(to_grid)
    found = sitk.Resample(index_image(volume), reference, transform, interpolator, float(outside))
    return sitk.GetArrayFromImage(found)


def crossed(to_grid, seen):
    """Which slices of the scan every slice of the grid shows.

    Args:
        to_grid: takes (column, row, slice, 1) of the grid to those of the scan.
        seen: bool (n, h, w) of the grid, what of it is looked at.

    Returns:
        {slice of the grid: (first, last)} where something is seen.
    """
    found = {}
    for index, plane in enumerate(seen):
        rows, columns = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        corners = np.array([[x, y, index, 1] for x in columns[[0, -1]] for y in rows[[0, -1]]])
        places = np.rint(corners @ to_grid[2]).astype(int)
        found[index] = int(places.min()), int(places.max())
    return found


def _heights(seen, line):
    """(lowest, highest) of a linear function of (column, row, slice, 1) where something is seen, and its value in the
    middle of that, on a slice.
    """
    rows, columns = np.mgrid[: seen.shape[1], : seen.shape[2]]
    plane = line[0] * columns + line[1] * rows + line[3]
    filled = [index for index, each in enumerate(seen) if each.any()]
    ends = [(plane[seen[i]].min() + line[2] * i, plane[seen[i]].max() + line[2] * i) for i in filled]
    middle = filled[len(filled) // 2]
    low, high = np.array(ends).T
    return float(low.min()), float(high.max()), float(plane[seen[middle]].mean() + line[2] * middle)
