"""Outlines of cells and nuclei, and the rectangles of pixels in which they are drawn.

Lengths are units: pixels of a field at scale 1, so that a field drawn at half the scale shows the same cells smaller.
"""

from dataclasses import dataclass

import numpy as np

ANGLES = 256  # directions that an outline has a radius for
ORDERS = np.arange(2, 7)  # waves around an outline (our decision)
CIRCLE = (np.arange(ANGLES) * (2 * np.pi / ANGLES)).astype("f4")


@dataclass(eq=False)
class Shape:
    """A closed outline around a point.

    Attributes:
        y, x: units; its centre.
        radius: float32 (256,) units from the centre, by direction.
        turn: radians from the x axis towards y; its long axis.
    """

    y: float
    x: float
    radius: np.ndarray
    turn: float

    @property
    def size(self):
        """Mean radius, units."""
        return float(self.radius.mean())

    def depth(self, view):
        """How deep the pixels of a View lie inside, units along the ray from the centre; negative outside."""
        far, direction = view.polar(self.y, self.x)
        return self.radius.take(direction) - far


def draw_shape(rng, y, x, radius, longer=1.0, lobes=0.0, spikes=0.0, turn=None):
    """An ellipse with waves and processes.

    Args:
        radius: units; of the circle of the ellipse's area.
        longer: ratio of the axes, >= 1.
        lobes: how far the waves leave the ellipse, relative to the radius.
        spikes: length of narrow processes, relative to the radius.
        turn: of the long axis; drawn if None.
    """
    turn = rng.uniform(0, np.pi) if turn is None else turn
    around = CIRCLE - turn
    outline = radius / np.sqrt(np.square(np.cos(around)) / longer + np.square(np.sin(around)) * longer)
    waves = rng.normal(0, 1, len(ORDERS)) / np.sqrt(ORDERS)
    phases = rng.uniform(0, 2 * np.pi, len(ORDERS))
    outline *= 1 + lobes * (waves[:, None] * np.cos(ORDERS[:, None] * CIRCLE + phases[:, None])).sum(0)
    if spikes > 0.02:
        outline += spikes * radius * _processes(rng, around)
    return Shape(float(y), float(x), np.maximum(outline, 0.3 * radius).astype("f4"), float(turn))


def _processes(rng, around):
    """Narrow bumps: two at the ends of the long axis, and up to three anywhere."""
    places = np.concatenate([rng.normal(0, 0.15, 2) + (0, np.pi), rng.uniform(0, 2 * np.pi, rng.integers(0, 4))])
    heights = rng.uniform(0.5, 1.2, len(places))
    return (heights[:, None] * np.exp(45 * (np.cos(around - places[:, None]) - 1))).max(0)


@dataclass(eq=False)
class View:
    """A rectangle of a field's pixels.

    Attributes:
        rows, columns: slices into the field.
        y (rows, 1), x (columns,): float32 units of the pixels' middles.
    """

    rows: slice
    columns: slice
    y: np.ndarray
    x: np.ndarray

    @property
    def place(self):
        """Index of the rectangle in a plane."""
        return self.rows, self.columns

    def polar(self, y, x):
        """(distance in units, number of the direction in 0..255), both (rows, columns), seen from a point."""
        dy, dx = self.y - np.float32(y), self.x - np.float32(x)
        direction = (np.arctan2(dy, dx) * np.float32(ANGLES / (2 * np.pi))).astype("i4") & (ANGLES - 1)
        return np.sqrt(dy * dy + dx * dx), direction

    def turned(self, y, x, turn):
        """Coordinates (along, across), both (rows, columns) units, of axes turned about a point."""
        dy, dx = self.y - np.float32(y), self.x - np.float32(x)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return dx * cosine + dy * sine, dy * cosine - dx * sine


def view_around(y, x, reach, shape, scale):
    """The View of all pixels within `reach` units of a point, or None where the field of `shape` has none."""
    spans = []
    for centre, size in zip((y, x), shape):
        first, last = np.floor((centre - reach) * scale), np.ceil((centre + reach) * scale)
        spans.append(slice(max(0, int(first)), min(size, int(last) + 1)))
    if any(span.start >= span.stop for span in spans):
        return None
    rows, columns = (((np.arange(s.start, s.stop) + 0.5) / scale).astype("f4") for s in spans)
    return View(*spans, rows[:, None], columns)
