"""Whether a volume lies where the tags of its series say, by the corners of both."""

import itertools

import numpy as np

from preprocessing.dicom.series import normal
from preprocessing.dicom.slices import TO_RAS

HALF_PIXEL = 0.5  # by which a corner may be off within its plane, for rounding
STRAIGHT = 0.1  # mm; slices further beside one another are tilted, and are moved when that is mended


def displaced(series, affine, shape):
    """Why a volume is not where its series is, or "".

    Args:
        series: a `preprocessing.dicom.series.Series`.
        affine: (4, 4) of the volume -> RAS+ mm.
        shape: (i, j, k) of the volume.
    """
    right, down = np.reshape(series.orientation, (2, 3)) * TO_RAS
    across = normal(series.orientation) * TO_RAS
    ends = np.array([series.slices[0].position, series.slices[-1].position]) * TO_RAS
    there = np.array(list(itertools.product(*((0, size - 1) for size in shape)))) @ affine[:3, :3].T + affine[:3, 3]
    off = np.array([_nearest(corner, there) for corner in _corners(series, ends, right, down)])
    # Evened slices end before the last one, by less than the largest step.
    limits = [(across, np.diff(series.positions).max()), (right, HALF_PIXEL * series.pixel[1])]
    if abs((ends[1] - ends[0]) @ down) < STRAIGHT:
        limits.append((down, HALF_PIXEL * series.pixel[0]))
    found = [(np.abs(off @ direction).max(), most) for direction, most in limits]
    worst = max((by for by, most in found if by > most), default=0)
    return f"dcm2niix puts the volume {worst:.1f} mm from where its tags say" if worst else ""


def _corners(series, ends, right, down):
    rows, columns = series.shape
    sides = itertools.product(ends, (0, (columns - 1) * series.pixel[1]), (0, (rows - 1) * series.pixel[0]))
    return [end + x * right + y * down for end, x, y in sides]


def _nearest(corner, there):
    off = there - corner
    return off[np.linalg.norm(off, axis=1).argmin()]
