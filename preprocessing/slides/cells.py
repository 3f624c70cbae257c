"""What is known of a slide in small squares of its grid, `cells`: how much of each is tissue, and how much positive.

They stand beside the bags in `slides/`, for maps and for what is measured in pixels.
"""

import io
from typing import NamedTuple

import numpy as np

from preprocessing.product import file_name

FOLDER = "slides"  # beside the bags


class Cells(NamedTuple):
    """Counts of grid pixels, uint16 (rows, columns) of cells; those at the right and lower edge may be cut.

    Attributes:
        cell: rows and columns of a cell.
        tissue: how many pixels of each are tissue.
        pixels: how many each has.
        positive: how many are positive, or None where that is not known.
    """

    cell: int
    tissue: np.ndarray
    pixels: np.ndarray
    positive: np.ndarray | None = None


def place(id):
    """The path of a slide's cells below the data set's folder."""
    return f"{FOLDER}/{file_name(id)}.npz"


def to_bytes(cells):
    """Cells as the bytes of a file; equal cells give equal bytes."""
    buffer = io.BytesIO()
    known = {name: value for name, value in cells._asdict().items() if value is not None}
    np.savez_compressed(buffer, **known)
    return buffer.getvalue()


def load(path):
    """The Cells of a file."""
    with np.load(path) as file:
        known = {name: file[name] for name in file.files}
    return Cells(**{**known, "cell": int(known["cell"])})


def counted(shape, cell):
    """uint16: how many pixels of a grid of (rows, columns) each cell has."""
    rows, columns = (np.minimum(cell, side - np.arange(0, side, cell)) for side in shape)
    return np.outer(rows, columns).astype(np.uint16)


def of_tiles(counts, shape, tile, cell):
    """int64 (rows, columns) of tiles: sums of the cells of each; tiles that do not fit the grid are left out.

    Args:
        counts: uint16, of cells.
        shape: (rows, columns) of the grid.
        tile: its side in grid pixels, a multiple of `cell`.
    """
    each, (rows, columns) = tile // cell, (side // tile for side in shape)
    return counts[: rows * each, : columns * each].reshape(rows, each, columns, each).sum((1, 3), dtype=np.int64)
