"""What irregular tissue is made of: smooth random fields, cells of a random mosaic, and soft edges.

All coordinates are micrometres of the slide, so that one slide can be sampled with any pixel. Tables are
periodic and long: a block of pixels is the same whatever is drawn beside it.
"""

from functools import cache

import numpy as np

LATTICE = 256  # samples along each axis of a stored field (our decision)
WAVE = 32  # samples a wavelength of it: its period is eight wavelengths (our decision)
SIDE = 256  # of the periodic tables of random numbers; 256 nuclei of 8 um are 2 mm (our decision)
JITTER = 0.75  # of a square's side, that its point may lie anywhere in: no grid is seen any more (our decision)
CHUNK = 32  # rows worked on at once; stays in cache
AROUND = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def edge(distance, width):
    """Share of a pixel of `width` um inside a border at signed `distance` um; in [0, 1]."""
    return np.clip(distance * np.float32(1 / width) + np.float32(0.5), 0, 1)


@cache
def lattice(kind):
    """Periodic random field (256, 256), zero mean, unit variance.

    `cloud`: about one wavelength. `grain`: every wavelength from 4 samples on, the coarse and the fine alike.
    """
    rng = np.random.default_rng({"cloud": 11, "grain": 12}[kind])
    spectrum = np.fft.rfft2(rng.standard_normal((LATTICE, LATTICE)))
    freq = np.hypot(np.fft.fftfreq(LATTICE)[:, None], np.fft.rfftfreq(LATTICE)) * WAVE
    gain = np.exp(-np.square((freq - 1) / 0.5)) if kind == "cloud" else np.exp(-np.square(freq / 8)) / (freq + 2)
    gain[0, 0] = 0
    field = np.fft.irfft2(spectrum * gain, s=(LATTICE, LATTICE))
    return (field / field.std()).astype("f4")


def sample(kind, y, x, offset, wavelength):
    """Values (rows, columns) of a stored field on a grid of y (rows,) and x (columns,) um, bilinear, wrapping around.

    Args:
        offset: (2,) samples; where on the field the slide lies.
        wavelength: um of the field's main wave.
    """
    step = WAVE / wavelength
    wrapped = np.pad(lattice(kind), (0, 2), mode="wrap")
    return enlarge(wrapped, *((line * step + start) % LATTICE for line, start in zip((y, x), offset)))


def sample_at(kind, y, x, offset, wavelength):
    """As `sample`, at scattered points y, x (arrays of one shape, um)."""
    from scipy.ndimage import map_coordinates

    step = np.float32(WAVE / wavelength)
    place = np.stack([y * step + np.float32(offset[0]), x * step + np.float32(offset[1])])
    return map_coordinates(lattice(kind), place, order=1, mode="grid-wrap", prefilter=False)


class Cells:
    """A mosaic: one random point in every square of a grid, each with a random number of its own.

    Args:
        rng: numpy Generator.
        spacing: side of a square, um.
    """

    def __init__(self, rng, spacing):
        self.spacing = float(spacing)
        self.table = rng.random((3, SIDE, SIDE), dtype=np.float32)

    def nearest(self, y, x):
        """What the cells are at y, x (arrays of one shape, um).

        Returns:
            (distance to the cell's point, distance to the border with the next cell, the cell's number in [0, 1)).
        """
        parts = [self._nearest(y[i : i + CHUNK], x[i : i + CHUNK]) for i in range(0, len(y), CHUNK)]
        return tuple(np.concatenate(part) for part in zip(*parts))

    def _nearest(self, y, x):
        row, column = (np.floor(a * np.float32(1 / self.spacing)).astype("i4") for a in (y, x))
        points, place = self._points(row, column)
        first, second = np.full(y.shape, np.inf, "f4"), np.full(y.shape, np.inf, "f4")
        best = np.zeros(y.shape, "i4")
        for i, j in AROUND:
            here = place + (i * points.shape[2] + j)
            far = np.square(points[0].take(here) - y)
            far += np.square(points[1].take(here) - x)
            np.minimum(second, np.maximum(first, far), out=second)
            np.copyto(best, here, where=far < first)
            np.minimum(first, far, out=first)
        first = np.sqrt(first)
        return first, (np.sqrt(second) - first) / 2, points[2].take(best)

    def _points(self, row, column):
        """Points (3, rows, columns) of all squares from one beyond the least to one beyond the last, flat places."""
        top, left = row.min() - 1, column.min() - 1
        rows = np.arange(top, row.max() + 2)
        columns = np.arange(left, column.max() + 2)
        points = self.table[:, rows[:, None] % SIDE, columns % SIDE].copy()
        for axis, line in enumerate((rows[:, None], columns)):
            points[axis] = (line + 0.5 + JITTER * (points[axis] - 0.5)) * self.spacing
        return points, ((row - top) * len(columns) + (column - left)).astype("i4")


def enlarge(field, rows, columns):
    """Bilinear values (m, n) of `field` at fractional row numbers (m,) and column numbers (n,)."""
    for axis, place in enumerate((rows, columns)):
        low = np.clip(np.floor(place).astype("i4"), 0, field.shape[axis] - 2)
        share = (place - low).astype("f4")
        share = share[:, None] if axis == 0 else share
        start, stop = field.take(low, axis), field.take(low + 1, axis)
        field = start + share * (stop - start)
    return field
