"""One field: its pixels and the truth beside them."""

from dataclasses import dataclass

import numpy as np

UNKNOWN = 255  # in a mask: a cell of no class
LEAST_SIDE = 64  # units: one or two cells (our decision)


@dataclass(eq=False)
class Field:
    """A microscopy field with truth.

    Attributes:
        pixels: uint16 (c, h, w).
        classes: sorted names that the mask's numbers mean.
        owner: int32 (h, w), number of the cell that a pixel belongs to, -1 none.
        places: float (n, 2), (y, x) pixels of all cells, those off the field's edge too.
        names: class of each cell, "" none.
    """

    pixels: np.ndarray
    classes: tuple
    owner: np.ndarray
    places: np.ndarray
    names: list

    @property
    def mask(self):
        """uint8 (h, w): 0 no cell, 1 + index of the class, 255 a cell of no class."""
        values = [self.classes.index(name) + 1 if name else UNKNOWN for name in self.names]
        return np.array([*values, 0], "u1")[self.owner]

    @property
    def cells(self):
        """[(y, x, name)] of the cells whose centre is on the field, pixels."""
        on = ((self.places >= 0) & (self.places < self.owner.shape)).all(1)
        return [(y, x, name) for (y, x), name, there in zip(self.places, self.names, on) if there]


def check_size(size, scale):
    """ValueError unless fields of `size` (h, w) pixels at `scale` can be drawn."""
    if not 0.2 <= scale <= 2 or min(size) < LEAST_SIDE * scale:
        raise ValueError(
            f"Expected a scale in [0.2, 2] and sides of at least {LEAST_SIDE} pixels times the scale. "
            f"Received: {size[0]:g} x {size[1]:g} pixels at scale {scale:g}."
        )
