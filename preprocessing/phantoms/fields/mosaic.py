"""Which cell a pixel belongs to: of cells that overlap, the one in which it lies deeper."""

from dataclasses import dataclass

import numpy as np

from .geometry import view_around

MARGIN = 8.0  # units around a cell within which the next one is seen (our decision)


@dataclass(eq=False)
class Mosaic:
    """Pixels shared out over cells.

    Attributes:
        owner: int32 (h, w), number of the cell, -1 none.
        first, second: float32 (h, w) units, depth in the cell and in the next one, at least -MARGIN.
    """

    owner: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def border(self, view):
        """Units (rows, columns) to a cell's rim, or to half the way to the next cell."""
        first = self.first[view.place]
        return np.minimum(first, (first - self.second[view.place]) / 2)


def draw_mosaic(shapes, shape, scale):
    """(Mosaic, Views (n,), None for cells off the field) of cells' Shapes on a field of `shape` (h, w) pixels."""
    mosaic = Mosaic(np.full(shape, -1, "i4"), *(np.full(shape, -MARGIN, "f4") for _ in range(2)))
    views = []
    for k, cell in enumerate(shapes):
        view = view_around(cell.y, cell.x, float(cell.radius.max()) + MARGIN, shape, scale)
        views.append(view)
        if view is None:
            continue
        deep, first = cell.depth(view), mosaic.first[view.place]
        second, owner = mosaic.second[view.place], mosaic.owner[view.place]
        new = deep > first
        np.maximum(second, np.minimum(deep, first), out=second)
        np.maximum(first, deep, out=first)
        owner[new] = k
    mosaic.owner[mosaic.first <= 0] = -1
    return mosaic, views
