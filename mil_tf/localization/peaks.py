"""The peaks of a likelihood map and how far each stands out (nemcek2021, section II-D).

The paper's detector takes local maxima and drops those that an h-maxima transform suppresses, those not above a
threshold T, and those too near a higher one. A local maximum survives the transform where its prominence is at least h:
the height that one must come down from it on any way to a higher one (its dynamics; from the highest, to the lowest
pixel; of equal ones the first counts as higher). So prominences are found once a map, after which any h, T and d is a
comparison, and tuning can try hundreds.

Prominence is found on the map's watershed: ways between two peaks cross the borders of their basins, and the highest
such crossing is that of the whole map (Cousty et al., IEEE TPAMI 2009, watersheds as minimum spanning forests).
"""

from typing import NamedTuple

import numpy as np
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import watershed
from skimage.transform import resize

DIAGONAL = 2  # 8-neighbourhood, that of a 3x3 dilation
HALVES = ((0, 1), (1, 0), (1, 1), (1, -1))  # steps to half of a pixel's 8 neighbours: every pair of pixels once


class Peaks(NamedTuple):
    """Local maxima of a map, from high to low: arrays of shape (k,); rows and columns in pixels."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    prominence: np.ndarray


def resized(positions, shape):
    """A map drawn on a slice's pixels, linearly between positions (the paper only says resized).

    Args:
        positions: (h', w'), of one slice.
        shape: (h, w) of the slice.
    """
    return resize(np.asarray(positions, np.float64), shape, order=1, mode="edge", anti_aliasing=False)


def find_peaks(image):
    """The local maxima of a map, its border included.

    They are where the map equals its 3x3 grey dilation, as long as nothing beside a flat top is higher; such a top is
    one peak, at its pixel nearest to its centre. A map that is the same everywhere has none.

    Args:
        image: (h, w), finite.

    Raises:
        ValueError: where it is not.
    """
    image = np.asarray(image, np.float64)
    if image.ndim != 2 or not np.isfinite(image).all():
        raise ValueError(f"Expected a map (h, w) of finite numbers. Received: shape {image.shape}, or others in it")
    if image.size == 0 or image.min() == image.max():
        return Peaks(*np.zeros((2, 0), np.int64), *np.zeros((2, 0)))
    tops = label(local_maxima(image, connectivity=DIAGONAL), connectivity=DIAGONAL)
    row, column = _centres(tops)
    value = image[row, column]
    prominence = _prominences(value, *_crossings(image, tops), np.ptp(image))
    order = np.lexsort((column, row, -value))
    return Peaks(*(each[order] for each in (row, column, value, prominence)))


def _centres(tops):
    """(row, column) of one pixel of each labelled top."""
    pixels = np.argwhere(tops)
    owner = tops[tuple(pixels.T)] - 1
    size = np.bincount(owner)
    centre = np.stack([np.bincount(owner, axis) / size for axis in pixels.T], axis=1)
    apart = ((pixels - centre[owner]) ** 2).sum(axis=1)
    order = np.lexsort((np.arange(len(pixels)), apart, owner))
    first = order[np.r_[0, np.cumsum(size)[:-1]]]
    return pixels[first].T


def _crossings(image, tops):
    """(heights, pairs of peaks) where neighbouring pixels lie in the basins of two, from high to low."""
    basins = watershed(-image, tops, connectivity=DIAGONAL) - 1
    heights, pairs = [], []
    for step in HALVES:
        one, other = _beside(basins, step)
        across = one != other
        heights.append(np.minimum(*_beside(image, step))[across])
        pairs.append(np.stack([one[across], other[across]], axis=1))
    heights, pairs = np.concatenate(heights), np.concatenate(pairs)
    order = np.argsort(-heights, kind="stable")
    return heights[order], pairs[order]


def _beside(values, step):
    """Every pixel that has a neighbour at `step`, and that neighbour."""
    down, right = step
    height, width = values.shape
    one = values[: height - down, max(0, -right) : width - max(0, right)]
    return one, values[down:, max(0, right) : width + min(0, right)]


def _prominences(value, heights, pairs, highest):
    """Joins basins from the highest crossing down; the lower peak of two ends there (of equal ones, the later)."""
    found, above = np.full(len(value), highest), list(range(len(value)))

    def top(peak):
        while above[peak] != peak:
            above[peak] = above[above[peak]]
            peak = above[peak]
        return peak

    for height, (one, other) in zip(heights, pairs):
        high, low = sorted((top(one), top(other)), key=lambda peak: (-value[peak], peak))
        if high != low:
            above[low], found[low] = high, value[low] - height
    return found
