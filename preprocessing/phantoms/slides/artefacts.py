"""What lies in or on every section whatever its label: vessels, follicles, folds, marks of a pen."""

from dataclasses import dataclass

import numpy as np

from .fields import Cells, edge, sample

# Absorption of felt pens in red, green and blue, as they look on slides (our decision).
INKS = {"blue": (1.2, 0.75, 0.15), "green": (1.1, 0.3, 0.75), "black": (1.3, 1.3, 1.25), "red": (0.1, 1.1, 0.9)}
FOLD_CHANCE, PEN_CHANCE = 0.4, 0.25  # a slide (our decision)


class Small:
    """Vessels and follicles of lymphocytes, strewn over all tissue; an architecture as those of `tissue`."""

    def __init__(self, rng):
        self.vessels = Cells(rng, rng.uniform(380, 700))
        self.follicles = Cells(rng, rng.uniform(380, 900))
        self.full = rng.uniform(0.2, 0.9)  # share of the vessels that hold blood
        self.wall = rng.uniform(5, 10)

    def fields(self, place):
        far, _, vessel = self.vessels.nearest(place.wy, place.wx)
        away, _, follicle = self.follicles.nearest(place.wy, place.wx)
        return {
            "vessel": (14 + 60 * (vessel - 0.45)) * (vessel > 0.45) - far,
            "full": (vessel * 97) % 1 - 1 + self.full,
            "follicle": (15 + 90 * (follicle - 0.6)) * (follicle > 0.6) - away,
        }

    def compartments(self, f, width):
        vessel = edge(f["vessel"], width)
        lumen = edge(f["vessel"] - self.wall, width)
        blood = lumen * (f["full"] > 0)
        return {"muscle": vessel - lumen, "serum": blood, "white": lumen - blood}

    def covers(self, f, width):
        """Share of a pixel that vessels take of whatever is there."""
        return edge(f["vessel"], width)

    def nuclei(self, f, c):
        wall = (f["vessel"] > 0) & (f["vessel"] < self.wall)
        return {"red": 0.85 * c["serum"], "spindle": 0.35 * wall}


@dataclass(eq=False)
class Strokes:
    """Curved bands across the slide, of folds or of a pen."""

    lines: list  # of (y, x, cosine, sine, half width, half length, wave, offset)

    def inside(self, y, x):
        """Signed distance (rows, columns) inside the nearest band on a grid of y (rows,) and x (columns,), all um."""
        best = np.full((len(y), len(x)), -np.inf, "f4")
        for cy, cx, cosine, sine, half, long, wave, offset in self.lines:
            down, right = (y - cy).astype("f4")[:, None], (x - cx).astype("f4")
            along, across = down * sine + right * cosine, down * cosine - right * sine
            bent = across + np.float32(wave) * sample("cloud", y, x, offset, 14 * wave)
            best = np.maximum(best, np.minimum(half - np.abs(bent), long - np.abs(along)))
        return best


def draw_strokes(rng, sides, chance, most, half, length):
    """One to `most` strokes, or none; `half` widths in um, `length` in shares of the slide's longer side."""
    there = rng.random() < chance
    lines = []
    for _ in range(int(rng.integers(1, most + 1))):
        turn = rng.uniform(0, np.pi)
        place = rng.uniform(0.1, 0.9, 2) * sides
        wide, long = rng.uniform(*half), rng.uniform(*length) * max(sides) / 2
        wave = 0.02 * max(sides) * rng.uniform(0.3, 1)
        lines.append((*place, np.cos(turn), np.sin(turn), wide, long, wave, rng.uniform(0, 256, 2)))
    return Strokes([tuple(map(_plain, line)) for line in lines] if there else [])


def _plain(number):
    # A numpy scalar of double precision would make arrays of it.
    return float(number) if np.ndim(number) == 0 else number


def draw_folds(rng, sides):
    """Where the section lies double: narrow bands."""
    return draw_strokes(rng, sides, FOLD_CHANCE, 3, (6, 22), (0.15, 0.6))


def draw_pen(rng, sides):
    """(Strokes, densities (3,)) of a felt pen; its width goes with the slide's side, as dots and arrows do."""
    side = max(sides)
    ink = INKS[list(INKS)[rng.integers(len(INKS))]]
    return draw_strokes(rng, sides, PEN_CHANCE, 2, (0.012 * side, 0.03 * side), (0.2, 0.7)), np.array(ink, "f4")
