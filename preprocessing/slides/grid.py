"""A slide on one pixel grid, whatever its scanner's: a level as it is, or the next finer one resampled."""

import math
from typing import NamedTuple

import numpy as np

from preprocessing.slides.blocks import WHITE
from preprocessing.slides.errors import SlideError

NEAR = 0.1  # how far from the wanted resolution is near enough; scanners' 20x lie between .46 and .5 (our decision)
BAND_PIXELS = 1 << 24  # level pixels held at once; a scanner's tiles on a border are decoded twice (our decision)


def on_grid(pixels, mpp, wanted):
    """Returns the Grid of about `wanted` micrometres a pixel.

    The level that is nearest is taken as it is where it is within `NEAR`. Else a finer one is: a whole number of its
    pixels a grid pixel where that comes within `NEAR`, as 40x gives 20x; what is left is interpolated.

    Args:
        pixels: levels as of `preprocessing.slides.openslide_file.Levels`.
        mpp: micrometres a pixel of level 0.

    Raises:
        SlideError: every level is coarser.
    """
    sizes = [mpp * downsample for downsample in pixels.downsamples]
    nearest = min(range(len(sizes)), key=lambda level: abs(math.log(sizes[level] / wanted)))
    if _near(sizes[nearest], wanted):
        return Grid(pixels, nearest, 1.0, sizes[nearest])
    finer = [level for level, size in enumerate(sizes) if size < wanted]
    if not finer:
        raise SlideError(f"too coarse: Expected {wanted:g} micrometres a pixel or finer. Received: {sizes[0]:.3g}")
    level = max(finer, key=sizes.__getitem__)
    whole = round(wanted / sizes[level])
    factor = float(whole) if _near(sizes[level] * whole, wanted) else wanted / sizes[level]
    return Grid(pixels, level, factor, sizes[level] * factor)


class Grid:
    """The pixels of a slide on one grid, whose upper left corner is the slide's.

    Attributes:
        shape: (rows, columns) that lie wholly in the slide.
        mpp: micrometres a pixel, as they are.
        level: that is read.
        factor: the level's pixels a grid pixel, 1.0 where it is taken as it is.
        scale: level-0 pixels a grid pixel.
    """

    def __init__(self, pixels, level, factor, mpp, shape=None):
        self._pixels, self.level, self.factor, self.mpp = pixels, level, factor, mpp
        self.scale = pixels.downsamples[level] * factor
        self._box = max(1, round(factor))
        self._boxes = tuple(-(-side // self._box) for side in pixels.shapes[level])
        self.shape = shape or tuple(int(side / factor) for side in pixels.shapes[level])

    def read(self, row, column, height, width):
        """Returns uint8 RGB (height, width, 3), white outside the slide and where it is transparent. A pixel is the
        same whatever rectangle it is read with.

        Raises SlideError where the file is damaged there.
        """
        found = np.full((height, width, 3), WHITE, np.uint8)
        top, bottom = _within(row, height, self.shape[0])
        left, right = _within(column, width, self.shape[1])
        if top == bottom or left == right:
            return found
        band = max(1, int(BAND_PIXELS / (self.factor**2 * (right - left))))
        for start in range(top, bottom, band):
            stop = min(bottom, start + band)
            found[start - row : stop - row, left - column : right - column] = self._inside(start, stop, left, right)
        return found

    def coarse(self, times):
        """Returns the Grid whose pixels are `times` x `times` of this one's, from the coarsest level that is fine
        enough. Its last row and column may overhang this one.
        """
        scale = self.scale * times
        finer = [level for level, downsample in enumerate(self._pixels.downsamples) if downsample <= scale]
        level = max(finer, key=self._pixels.downsamples.__getitem__)
        shape = tuple(-(-side // times) for side in self.shape)
        return Grid(self._pixels, level, scale / self._pixels.downsamples[level], self.mpp * times, shape)

    def _inside(self, top, bottom, left, right):
        if self.factor == 1:
            return self._pixels.read(self.level, top, left, bottom - top, right - left)
        if self.factor == self._box:
            return self._boxed(top, bottom, left, right, np.uint8)
        rows, columns = self._places(top, bottom, self._boxes[0]), self._places(left, right, self._boxes[1])
        boxed = self._boxed(rows.low[0], rows.high[-1] + 1, columns.low[0], columns.high[-1] + 1, np.float64)
        found = _between(boxed, rows, axis=0)
        return np.rint(_between(found, columns, axis=1)).astype(np.uint8)

    def _boxed(self, top, bottom, left, right, dtype):
        """The means of boxes of whole level pixels, which all begin at the slide's corner."""
        box = self._box
        read = self._pixels.read(self.level, top * box, left * box, (bottom - top) * box, (right - left) * box)
        if box == 1:
            return read.astype(dtype)
        sums = read.reshape(bottom - top, box, right - left, box, 3).sum((1, 3), dtype=np.uint32)
        return sums / box**2 if dtype == np.float64 else ((sums + box**2 // 2) // box**2).astype(dtype)

    def _places(self, start, stop, boxes):
        """Where the middles of grid pixels lie among those of the boxes."""
        middle = (np.arange(start, stop) + 0.5) * (self.factor / self._box) - 0.5
        middle = np.clip(middle, 0, boxes - 1)
        low = middle.astype(np.int64)
        return _Places(low, np.minimum(low + 1, boxes - 1), middle - low)


class _Places(NamedTuple):
    """For each pixel, the boxes on its sides, and its way from the lower to the higher, 0 to 1."""

    low: np.ndarray
    high: np.ndarray
    part: np.ndarray


def _between(boxed, places, axis):
    """Linear interpolation along an axis of boxes, the first of which is the first that is needed."""
    part = places.part.reshape([-1 if axis == number else 1 for number in range(3)])
    first = places.low[0]
    low, high = (np.take(boxed, side - first, axis) for side in (places.low, places.high))
    return low * (1 - part) + high * part


def _near(size, wanted):
    return abs(size / wanted - 1) <= NEAR


def _within(start, length, side):
    """The part of a span that lies in 0..side."""
    first = min(max(start, 0), side)
    return first, min(max(start + length, first), side)
