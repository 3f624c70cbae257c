"""What is truly positive in a slide: a mask's pixels, counted in cells and told of tiles. For evaluation only."""

import warnings

import numpy as np

from preprocessing.slides.cells import of_tiles
from preprocessing.slides.errors import SlideError

POSITIVE_SHARE = 0.5  # of a tile's pixels from which on it is positive; our decision


def read_mask(path):
    """bool (rows, columns): where a picture is not 0.

    Raises SlideError where it is no picture of one colour.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # a mask of a slide is large
            with Image.open(path) as image:
                drawn = np.asarray(image)
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SlideError(f"mask: cannot be read: {' '.join(str(error).split())}") from error
    if drawn.ndim != 2:
        raise SlideError(f"mask: Expected a picture of one grey value a pixel. Received: {drawn.shape}")
    return drawn != 0


def positive_cells(drawn, shape, grid, cell):
    """uint16 (rows, columns): how many grid pixels of each cell are positive, by the mask's pixel under their middle.

    Args:
        drawn: bool mask over the whole slide, whose pixels cover a whole number of level-0 pixels.
        shape: (rows, columns) of level 0.
        grid: of the slide, as of `preprocessing.slides.grid.Grid`.

    Raises:
        SlideError: the mask does not fit the slide.
    """
    scale = grid.scale / _times(drawn.shape, shape)
    rows, columns = (_under(side, scale, covered) for side, covered in zip(grid.shape, drawn.shape))
    starts = np.arange(0, len(columns), cell)
    found = []
    for top in range(0, len(rows), cell):  # never the mask at the grid's resolution
        counts = drawn[rows[top : top + cell]].sum(0, dtype=np.int64)
        found.append(np.add.reduceat(counts[columns], starts))
    return np.array(found, np.uint16)


def tile_labels(positive, shape, tile, cell):
    """int64 (rows, columns) of tiles: 1 where at least half of it is positive, 0 where nothing is, else -1."""
    counts = of_tiles(positive, shape, tile, cell)
    return np.where(counts >= POSITIVE_SHARE * tile**2, 1, np.where(counts == 0, 0, -1))


def _times(mask, slide):
    """Level-0 pixels that a side of a mask's pixel covers; the last may be cut or left out."""
    times = max(1, round(slide[0] / max(1, mask[0])))
    if any(covered not in (side // times, -(-side // times)) for covered, side in zip(mask, slide)):
        raise SlideError(f"mask: its {mask[1]} x {mask[0]} pixels are no whole part of {slide[1]} x {slide[0]}")
    return times


def _under(side, scale, covered):
    """The mask's row or column under the middle of each grid pixel of a side."""
    return np.minimum(((np.arange(side) + 0.5) * scale).astype(np.int64), covered - 1)
