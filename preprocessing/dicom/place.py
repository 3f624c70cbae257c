"""Where a volume of dcm2niix lies, held against the tags of its series."""

import itertools

import numpy as np

from preprocessing.dicom.series import normal
from preprocessing.dicom.slices import TO_RAS

HALF_PIXEL = 0.5  # by which a corner may be off within its plane, for rounding
NEAR = 0.5  # mm by which the volume's first slice may be off the series' (our decision)
STRAIGHT = 0.1  # mm; what lies further beside the first slice is tilted


def settled(series, affine, evened):
    """The affine of a volume, where dcm2niix does not tell a tilt right (seen in its version of July 2026).

    It leaves out a tilt below a degree, which stands in the affine then, and puts a volume whose planes rise towards
    posterior in a wrong place, once it is evened.

    Args:
        series: a `preprocessing.dicom.series.Series`.
        affine: (4, 4) of the volume -> RAS+ mm.
        evened: whether the slices were moved within their planes to undo the tilt.
    """
    across, line, axis = _directions(series, affine)
    affine = affine.copy()
    if np.linalg.norm(line - (line @ across) * across) < STRAIGHT:
        return affine
    if evened:
        affine[:3, 3] = _first_voxel(series, affine)
    else:
        affine[:3, axis] = line / (line @ across) * (affine[:3, axis] @ across)
    return affine


def displaced(series, affine, shape, evened):
    """Why a volume of this shape (i, j, k) is not where its series is, or ""; the rest as for `settled`."""
    right, down = np.reshape(series.orientation, (2, 3)) * TO_RAS
    across = normal(series.orientation) * TO_RAS
    there = np.array(list(itertools.product(*((0, size - 1) for size in shape)))) @ affine[:3, :3].T + affine[:3, 3]
    off = np.array([_nearest(corner, there) for corner in _corners(series, right, down)])
    # Slices that were made even end before the last one, by less than the largest step.
    limits = [(np.abs(off @ across).max(), np.diff(series.positions).max()), (abs(_off(series, affine)), NEAR)]
    limits.append((np.abs(off @ right).max(), HALF_PIXEL * series.pixel[1]))
    if not evened:
        limits.append((np.abs(off @ down).max(), HALF_PIXEL * series.pixel[0]))
    worst = max((by for by, most in limits if by > most), default=0)
    return f"dcm2niix puts the volume {worst:.3g} mm from where its tags say" if worst else ""


def _directions(series, affine):
    """(the normal, from the first slice to the last, in RAS+ mm; the volume's axis along the normal)."""
    across = normal(series.orientation) * TO_RAS
    line = (np.array(series.slices[-1].position) - series.slices[0].position) * TO_RAS
    sides = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return across, line, int(np.abs(across @ sides).argmax())


def _first_voxel(series, affine):
    """RAS+ mm of voxel (0, 0, 0) of evened slices: rows were added until the planes that lie least and most far along
    the volume's second axis both had room, so that it is the corner of either the first slice or the last.
    """
    across, _, axis = _directions(series, affine)
    right, down = np.reshape(series.orientation, (2, 3)) * TO_RAS
    rows, columns = series.shape
    corner = (right @ affine[:3, 0] < 0) * (columns - 1) * series.pixel[1] * right
    corner = corner + (down @ affine[:3, 1] < 0) * (rows - 1) * series.pixel[0] * down
    ends = [np.array(series.slices[end].position) * TO_RAS for end in (0, -1)]
    first, last = ends if across @ affine[:3, axis] > 0 else ends[::-1]
    along = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    return first + corner + min(0.0, (last - first) @ along) * along


def _off(series, affine):
    """mm along the normal from the volume's first slice to where the series begins, or ends where it runs downwards."""
    across, _, axis = _directions(series, affine)
    return series.positions[0 if across @ affine[:3, axis] > 0 else -1] - across @ affine[:3, 3]


def _corners(series, right, down):
    ends = (np.array(each.position) * TO_RAS for each in (series.slices[0], series.slices[-1]))
    rows, columns = series.shape
    sides = itertools.product(ends, (0, (columns - 1) * series.pixel[1]), (0, (rows - 1) * series.pixel[0]))
    return [end + x * right + y * down for end, x, y in sides]


def _nearest(corner, there):
    off = there - corner
    return off[np.linalg.norm(off, axis=1).argmin()]
