"""Textures of one cell: blobs, lines and fibres cut out of stored random fields."""

import numpy as np

from ..slides.fields import LATTICE, WAVE, lattice

LAST = LATTICE - 1


def sample(kind, first, second, offset, waves):
    """Values of a stored field of zero mean and unit variance at coordinates in units, nearest sample.

    Args:
        kind: `cloud` (one wavelength) or `grain` (all wavelengths).
        first, second: float32 of shapes that broadcast.
        offset: (2,) samples.
        waves: (2,) units of the field's main wave along both coordinates.
    """
    places = [
        (part * np.float32(WAVE / wave) + np.float32(start)).astype("i4") & LAST
        for part, wave, start in zip((first, second), waves, offset)
    ]
    return lattice(kind).ravel().take(places[0] * LATTICE + places[1])


def ridge(values, sharp=1.7):
    """Lines where a field passes zero: 1 there, 0 farther than 1 / sharp."""
    return np.maximum(1 - np.float32(sharp) * np.abs(values), 0)


def spots(values, least=1.0):
    """Blobs where a field is high: 0 below `least`, up to 1."""
    return np.clip((values - np.float32(least)) * np.float32(1.5), 0, 1)


class Texture:
    """The random fields of one cell on one View, along and across the cell's long axis.

    Args:
        rng: numpy Generator.
        view: a View.
        shape: the cell's Shape.
    """

    def __init__(self, rng, view, shape):
        self.rng = rng
        self.far, self.direction = view.polar(shape.y, shape.x)
        self.along, self.across = view.turned(shape.y, shape.x, shape.turn)

    def field(self, kind, wave, stretched=1.0):
        """Isotropic noise of a main wave in units, or one `stretched` times longer along the cell."""
        offset = self.rng.uniform(0, LATTICE, 2)
        return sample(kind, self.along, self.across, offset, (wave * stretched, wave))

    def fibres(self, wave, stretched, bend, wander=40.0):
        """Lines along the cell, `wave` units apart, that leave the straight by `bend` units."""
        offset = self.rng.uniform(0, LATTICE, 2)
        across = self.across + np.float32(bend) * self.field("cloud", wander)
        return ridge(sample("cloud", self.along, across, offset, (wave * stretched, 2 * wave)))

    def rays(self, turns, bend, wave=40.0):
        """Lines that leave the centre, `turns` times eight around it."""
        offset = self.rng.uniform(0, LATTICE, 2)
        around = self.direction + np.float32(bend) * self.field("cloud", 25.0)
        # A whole number of periods around the circle: no seam.
        return ridge(sample("cloud", around, self.far, offset, (WAVE / turns, wave)))
