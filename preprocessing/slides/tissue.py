"""Where a slide has tissue: pixels of each cell, by one of two rules.

`otsu`, ours: on a picture of 8 micrometres a pixel, Otsu's threshold on the saturation parts stain from glass. What is
darker than a stain (pen, the slide's frame) and what absorbs red more than green (ink: both stains of H&E absorb green
the most) is not tissue. Gaps as narrow as a cell are closed, small islands and small holes removed.

`released`, as the authors' code decides over tiles: a pixel whose R, G and B are all above 220 is background.
"""

from typing import NamedTuple

import numpy as np

from preprocessing.slides.cells import counted
from preprocessing.slides.grid import BAND_PIXELS

COARSE = 8.0  # micrometres, at most about: the side of the squares that `otsu` decides over; our decision
SMOOTH = 0.5  # of those squares, sigma before the threshold: with 1 the walls of alveoli were lost; our decision
SATURATION = 0.05, 0.2  # Otsu's threshold is kept within: glass stays below, pale stain above; our decision
DARK = 50  # of 255: the brightest colour of what is darker than a stain; our decision
INK = 12  # of 255, by which green may exceed red; our decision
CLOSED = 16.0  # micrometres: gaps that are closed; our decision
ISLAND = 10000.0  # square micrometres: tissue that is left out, about a tile of 224; our decision
HOLE = 10000.0  # square micrometres: glass within tissue that counts as tissue; our decision
WHITE = 220  # released code: R, G and B all above it are background
RULES = ("otsu", "released")


class Rule(NamedTuple):
    """What a rule of RULES asks of a tile.

    Attributes:
        least: the share of a tile that must be tissue.
    """

    least: float


# Half a tile is our decision; the released code wants at most 75 % background.
TILES = {"otsu": Rule(0.5), "released": Rule(0.25)}


def tissue_cells(grid, cell, rule):
    """uint16 (rows, columns): how many pixels of each cell of a `preprocessing.slides.grid.Grid` are tissue.

    Raises SlideError where the slide is damaged.
    """
    return _by_saturation(grid, cell) if rule == "otsu" else _by_white(grid, cell)


def coarse_side(mpp, cell):
    """Grid pixels of the squares that `otsu` decides over: the largest that parts a cell and is not above COARSE."""
    most = max(1, round(COARSE / mpp))
    return max(side for side in range(1, min(cell, most) + 1) if cell % side == 0)


def mask(picture, mpp):
    """Where a picture is tissue, bool (rows, columns).

    Args:
        picture: uint8 RGB (rows, columns, 3).
        mpp: micrometres a pixel; the constants are meant for about 8.
    """
    from skimage import filters, morphology

    smooth = filters.gaussian(picture, SMOOTH, channel_axis=-1, preserve_range=True)
    brightest, red, green = smooth.max(-1), smooth[..., 0], smooth[..., 1]
    saturation = 1 - smooth.min(-1) / np.maximum(brightest, 1)
    stained = (brightest > DARK) & (green <= red + INK)
    found = stained & (saturation > threshold(saturation[stained]))
    closed = morphology.closing(found, morphology.disk(max(1, round(CLOSED / mpp / 2)))) & stained
    kept = _without_small(closed, ISLAND / mpp**2)
    return ~_without_small(~kept, HOLE / mpp**2)


def threshold(saturation):
    """Otsu's threshold of saturations, within SATURATION: where all is glass, or all tissue, it would part noise."""
    from skimage import filters

    least, most = SATURATION
    if not saturation.size or saturation.min() == saturation.max():
        return least
    return float(np.clip(filters.threshold_otsu(saturation), least, most))


def _by_saturation(grid, cell):
    side = coarse_side(grid.mpp, cell)
    coarse = grid.coarse(side)
    found = mask(coarse.read(0, 0, *coarse.shape), coarse.mpp)
    return _summed(np.where(found, counted(grid.shape, side), 0), cell // side)


def _by_white(grid, cell):
    rows, columns = grid.shape
    band = max(1, int(BAND_PIXELS / (grid.factor**2 * columns * cell))) * cell
    found = []
    for top in range(0, rows, band):  # a band of cells at a time is in memory
        strip = grid.read(top, 0, min(band, rows - top), columns)
        found.append(_summed((strip <= WHITE).any(-1), cell))
    return np.concatenate(found)


def _summed(values, times):
    """uint16: the sums of boxes, cut at the right and lower edge."""
    starts = [np.arange(0, side, times) for side in values.shape]
    rows = np.add.reduceat(values, starts[0], axis=0, dtype=np.int64)
    return np.add.reduceat(rows, starts[1], axis=1).astype(np.uint16)


def _without_small(found, least):
    """A mask without its connected parts of fewer than `least` pixels."""
    from scipy import ndimage

    parts, _ = ndimage.label(found)
    large = np.bincount(parts.ravel()) >= least
    large[0] = False
    return large[parts]
