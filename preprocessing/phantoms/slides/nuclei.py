"""Nuclei and other small bodies: where they lie, and the stain that they hold."""

from typing import NamedTuple

import numpy as np

from .fields import SIDE

REACH = 20.0  # um; no body is longer from its centre (our decision)
BATCH = 1 << 19  # pixels stamped at once; stays in cache


class Population(NamedTuple):
    """Bodies of one kind; lengths in um.

    Attributes:
        spacing: side of the squares that hold at most one body each.
        radius: mean of the geometric mean of both semi-axes.
        spread: relative standard deviation of the radius.
        longer: (least, most) ratio of the semi-axes.
        lobes: how far at most the outline leaves the ellipse, relative.
        stain: mean density; 1 is a dark nucleus.
        pale: how much paler the middle is than the rim, relative.
        nucleolus: density of a spot in it.
        aligned: lies along the fibres.
        red: holds eosin, not hematoxylin.
    """

    spacing: float
    radius: float
    spread: float
    longer: tuple
    lobes: float
    stain: float
    pale: float = 0.0
    nucleolus: float = 0.0
    aligned: bool = False
    red: bool = False


# Diameters: lymphocyte 6-7, epithelium 7-9, tumour 12-18, red cell 7 um, fibroblast 15 x 4 um (textbook histology);
# the rest is our decision.
POPULATIONS = {
    "epithelial": Population(9.5, 3.8, 0.07, (1.0, 1.3), 0.03, 0.8, 0.25),
    "spindle": Population(14.0, 3.6, 0.15, (2.6, 4.5), 0.05, 0.85, aligned=True),
    "cigar": Population(15.0, 3.9, 0.12, (3.5, 5.5), 0.03, 0.75, 0.2, aligned=True),
    "lymphocyte": Population(7.6, 3.2, 0.07, (1.0, 1.15), 0.02, 1.05),
    "tumour": Population(17.0, 7.3, 0.13, (1.0, 1.7), 0.18, 0.74, 0.6, 0.6),
    "debris": Population(7.0, 1.7, 0.35, (1.0, 1.8), 0.15, 0.9),
    "red": Population(7.4, 3.4, 0.08, (1.0, 1.5), 0.03, 0.75, 0.2, red=True),
}
NUMBERS = ("y", "x", "chance", "size", "longer", "turn", "phase", "stain")


class Bodies:
    """One population of one slide: a periodic table of random numbers, one column a square.

    Args:
        rng: numpy Generator.
        population: a Population.
    """

    def __init__(self, rng, population):
        self.population = population
        self.table = rng.random((len(NUMBERS), SIDE, SIDE), dtype=np.float32)

    def found(self, chance, top, left, step, direction):
        """Bodies whose centres lie on a grid of chances.

        Args:
            chance: float (rows, columns), that there is a body at a point.
            top, left, step: um; place of the grid's first point, and what lies between two.
            direction: float (rows, columns), angle of the fibres.

        Returns:
            dict of float32 arrays of one length, by the names of NUMBERS, with y and x in um, size in um.
        """
        p = self.population
        squares = [
            np.arange(np.floor(first / p.spacing), np.floor((first + n * step) / p.spacing) + 1, dtype=int)
            for first, n in zip((top, left), chance.shape)
        ]
        numbers = self.table[:, squares[0][:, None] % SIDE, squares[1] % SIDE]
        y = (squares[0][:, None] + 0.5 + 0.6 * (numbers[0] - 0.5)) * p.spacing
        x = (squares[1] + 0.5 + 0.6 * (numbers[1] - 0.5)) * p.spacing
        row, column = (np.rint((a - first) / step).astype(int) for a, first in ((y, top), (x, left)))
        on = (row >= 0) & (row < chance.shape[0]) & (column >= 0) & (column < chance.shape[1])
        on[on] = numbers[2][on] < chance[row[on], column[on]]
        body = dict(zip(NUMBERS, (a[on] for a in numbers)))
        body.update(y=y[on], x=x[on])
        return self._shaped(body, direction[row[on], column[on]])

    def _shaped(self, body, direction):
        p = self.population
        body["size"] = p.radius * np.exp(p.spread * 1.7 * (2 * body["size"] - 1))
        body["longer"] = np.sqrt(p.longer[0] + (p.longer[1] - p.longer[0]) * body["longer"])
        around = np.float32(0.5 if p.aligned else 2 * np.pi) * (body["turn"] - 0.5)
        body["turn"] = around + direction if p.aligned else around
        body["stain"] = p.stain * (0.75 + 0.5 * body["stain"])
        return body


def stamp(plane, population, body, top, left, pixel):
    """Adds bodies to a plane of stain (rows, columns) in place; its first pixel's centre is at (top, left) um."""
    if not len(body["y"]):
        return
    reach = np.minimum(body["size"] * body["longer"] * (1 + population.lobes), REACH) / pixel + 1
    half = int(np.ceil(reach.max()))
    side = 2 * half + 1
    each = max(1, BATCH // side**2)
    for start in range(0, len(body["y"]), each):
        part = {name: a[start : start + each, None, None] for name, a in body.items()}
        _stamp_batch(plane, population, part, top, left, pixel, half)


def _stamp_batch(plane, population, body, top, left, pixel, half):
    offset = np.arange(-half, half + 1)
    row = np.rint((body["y"] - top) / pixel).astype("i4")
    column = np.rint((body["x"] - left) / pixel).astype("i4")
    dy = (row + offset[:, None]) * np.float32(pixel) + np.float32(top) - body["y"].astype("f4")
    dx = (column + offset) * np.float32(pixel) + np.float32(left) - body["x"].astype("f4")
    stain = _density(population, body, dy.astype("f4"), dx.astype("f4"), pixel)
    rows, columns = np.broadcast_arrays(row + offset[:, None], column + offset)
    on = (stain > 0) & (rows >= 0) & (rows < plane.shape[0]) & (columns >= 0) & (columns < plane.shape[1])
    place = rows[on] * plane.shape[1] + columns[on]
    plane += np.bincount(place, stain[on], plane.size).reshape(plane.shape).astype("f4")


def _density(population, body, dy, dx, pixel):
    """Stain (bodies, rows, columns) at dy, dx um from the centres."""
    cosine, sine = np.cos(body["turn"]), np.sin(body["turn"])
    size, longer = body["size"], body["longer"]
    u = (dx * cosine + dy * sine) / (size * longer)
    v = (dy * cosine - dx * sine) * (longer / size)
    squared = u * u + v * v
    rho = np.sqrt(squared)
    border = 1 - rho
    if population.lobes > 0.1:
        phase = 2 * np.pi * body["phase"]
        wave = (u * u - 3 * v * v) * u * np.cos(phase) + (3 * u * u - v * v) * v * np.sin(phase)
        lobes = population.lobes * (body["longer"] * 7 % 1)  # another random number, as good as drawn
        border += lobes * wave / (rho * squared + np.float32(0.05))
    stain = np.clip(border * (size * np.float32(1 / max(pixel, 0.6))) + np.float32(0.5), 0, 1)
    if population.pale:
        stain *= 1 - np.float32(population.pale) * np.maximum(1 - squared, 0)
    if population.nucleolus:
        near = np.square(u - 0.25 * np.cos(9 * body["phase"])) + np.square(v - 0.25 * np.sin(9 * body["phase"]))
        stain += np.float32(population.nucleolus) * np.clip(1.6 - near * (size * size) / 1.5, 0, 1) * (stain > 0)
    return stain * body["stain"]
