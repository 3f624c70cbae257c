"""Rectangles out of blocks that lie where they lie, however the rectangle does."""

import numpy as np

WHITE = 255


def joined(block, side, row, column, height, width):
    """Returns uint8 (height, width, 3) of what blocks hold, white where none does.

    Args:
        block: function of a block's upper left (row, column) -> its uint8 (h, w, 3), or None where there is none.
        side: rows and columns from one block to the next, a number or a pair.
    """
    down, across = (side, side) if isinstance(side, int) else side
    found = np.full((height, width, 3), WHITE, np.uint8)
    for top in range(row // down * down, row + height, down):
        for left in range(column // across * across, column + width, across):
            piece = block(top, left)
            if piece is not None:
                _put(found, piece, top - row, left - column)
    return found


def _put(picture, piece, row, column):
    """Lays a piece on a picture, which it may overhang."""
    rows = slice(max(0, row), max(0, row + piece.shape[0]))
    columns = slice(max(0, column), max(0, column + piece.shape[1]))
    place = picture[rows, columns]
    top, left = max(0, -row), max(0, -column)
    place[...] = piece[top : top + place.shape[0], left : left + place.shape[1]]
