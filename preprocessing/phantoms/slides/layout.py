"""Where things lie on a slide: the pieces of the section, and in them regions of a wanted share of it."""

from dataclasses import dataclass

import numpy as np

from .fields import sample

EXTENT = (0.01, 0.9)  # of the section; log-uniform, as tumours on slides are small or all there is (our decision)
COARSE = 192  # points along the longer side, on which a region's share is measured (our decision)


@dataclass(eq=False)
class Layout:
    """Outline of the section in um; `sides` (height, width) of the slide."""

    sides: tuple
    pieces: list  # of (centre y, x, semi-axes along y and x, cosine, sine)
    offset: np.ndarray

    def section(self, y, x):
        """Signed distance (rows, columns) inside the section on a grid of y (rows,) and x (columns,), all um."""
        best = np.full((len(y), len(x)), -np.inf, "f4")
        for cy, cx, a, b, cosine, sine in self.pieces:
            down, right = (y - cy).astype("f4")[:, None], (x - cx).astype("f4")
            u = np.square((down * cosine + right * sine) * np.float32(1 / a))
            v = np.square((right * cosine - down * sine) * np.float32(1 / b))
            # Between an ellipse and a box, as blocks of tissue are.
            rho = np.sqrt(np.sqrt(u * u + v * v + u * v))
            best = np.maximum(best, (1 - rho) * np.float32(min(a, b)))
        side = min(self.sides)
        best += np.float32(0.035 * side) * sample("cloud", y, x, self.offset[0], 0.3 * side)
        return best + 8 * sample("cloud", y, x, self.offset[1], 90)


def draw_layout(rng, sides):
    """One to three pieces side by side, together about half of the slide."""
    number = int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))
    along = int(rng.integers(2))
    pieces = []
    for k in range(number):
        centre = np.array([0.5, 0.5]) + rng.uniform(-0.03, 0.03, 2)
        centre[along] = (k + 0.5) / number + rng.uniform(-0.02, 0.02)
        axes = rng.uniform(0.33, 0.43, 2)
        axes[along] = rng.uniform(0.36, 0.43) / number
        turn = rng.uniform(-0.25, 0.25) / number
        pieces.append(tuple(map(float, (*centre * sides, *axes * sides, np.cos(turn), np.sin(turn)))))
    return Layout(tuple(sides), pieces, rng.uniform(0, 256, (2, 2)))


@dataclass(eq=False)
class Region:
    """A part of the section around one to three foci; positive inside, about um from its border."""

    foci: np.ndarray  # (k, 2) um
    offset: np.ndarray
    wave: float  # um
    ragged: float  # um
    threshold: float = 0.0

    def inside(self, y, x):
        """Signed distance (rows, columns) on a grid of y (rows,) and x (columns,) um."""
        far = np.min([np.hypot((y - a).astype("f4")[:, None], (x - b).astype("f4")) for a, b in self.foci], 0)
        far -= np.float32(0.3 * self.wave) * sample("cloud", y, x, self.offset[0], self.wave)
        far -= np.float32(self.ragged) * sample("cloud", y, x, self.offset[1], 110)
        return np.float32(self.threshold) - far


def draw_region(rng, layout, extent=None):
    """A Region that takes `extent` of the section, log-uniform in EXTENT where not given."""
    drawn = float(np.exp(rng.uniform(*np.log(EXTENT))))
    extent = drawn if extent is None else extent
    y, x = coarse(layout.sides)
    within = layout.section(y, x)
    deep = np.flatnonzero(within.ravel() > np.quantile(within[within > 0], 0.5))
    number = int(rng.integers(1, 4)) if extent > 0.05 else 1
    row, column = np.unravel_index(rng.choice(deep, number), within.shape)
    foci = np.stack([y[row], x[column]], 1)
    radius = np.sqrt(extent * np.count_nonzero(within > 0) * (y[1] - y[0]) ** 2 / np.pi)
    region = Region(foci, rng.uniform(0, 256, (2, 2)), float(max(1.5 * radius, 120)), float(min(0.15 * radius, 22)))
    here = region.inside(y, x)[within > 0]
    region.threshold = -float(np.quantile(here, 1 - extent))
    return region


def coarse(sides):
    """Lines y (rows,), x (columns,) um all over the slide."""
    step = max(sides) / COARSE
    return [np.arange(step / 2, side, step) for side in sides]
