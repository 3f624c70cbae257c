"""One slide -> one `SlideAnswer`: the model's map of it, and what it says of every tile.

The network scores the positions of the slide's tissue, `stride` pixels apart, in windows without seams. Two maps can be
made of them. "tile", our default: the logits of a position's neighbours are averaged over a tile's side first, as the
network was trained on tiles, whose logit is the mean of their positions'. "position", of lerousseau2020, section 3.1,
"without the global average pooling layer": every position by itself, finer and noisier. (The paper's 13 x 13 positions
a tile of 224 pixels cannot come from ResNet-50, which has a stride of 32 and gives 7 x 7.)

A tile's logit is the mean of all of its positions'. They see what lies around the tile, where a tile that is scored
alone, as in training, has zeros. A slide is as probable as its most probable tile, the assumption of multiple-instance
learning.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.localization.tile_window import tile_logits
from mil_tf.prediction.answer import written
from mil_tf.prediction.dense import dense_map
from mil_tf.prediction.slide_checks import warnings_for
from preprocessing.slides import bag, cells, tiff_file
from preprocessing.slides.errors import SlideError
from preprocessing.slides.reader import open_slide
from preprocessing.slides.tissue import tissue_cells

LEAST = np.float32(1e-30)  # the least probability of a map, so that 0 is nothing but background


class SlideAnswer(NamedTuple):
    """What is known of a slide.

    Attributes:
        id, path: of the slide.
        slide: {"shape", "mpp", "mpp_from", "grid_shape", "grid_mpp", "level", "scale"}, scale being level-0 pixels a
            grid pixel.
        tissue: `preprocessing.slides.cells.Cells`.
        map: float32 (rows, columns), the probability at every position; 0 where there is no tissue, and only there.
        stride: grid pixels between positions.
        tile: grid pixels of a tile's side.
        logits: float32 (R, C), of the slide's whole tiles; NaN where a tile has too little tissue.
        shares: float64 (R, C), how much of each is tissue.
        threshold: chosen on the model's validation bags, or None.
        kind: "tile" or "position", of the map.
        picture: uint8 RGB, the slide made small.
        times: grid pixels a pixel of the picture.
        warnings: one line each.
    """

    id: str
    path: str
    slide: dict
    tissue: Any
    map: np.ndarray
    stride: int
    tile: int
    logits: np.ndarray
    shares: np.ndarray
    threshold: float | None
    kind: str
    picture: np.ndarray
    times: int
    warnings: list[str]

    @property
    def top(self):
        """(row, column) of the tile that decides."""
        return tuple(map(int, np.unravel_index(np.nanargmax(self.logits), self.logits.shape)))

    @property
    def probability(self):
        """Of the slide, as the tables have it."""
        return written(expit(np.float64(self.logits[self.top])))

    @property
    def cut(self):
        """The threshold at which regions are drawn."""
        return PAPER_THRESHOLD if self.threshold is None else self.threshold

    @property
    def above(self):
        """bool (rows, columns): the positions that belong to regions."""
        return (self.map > 0) & (self.map >= self.cut)

    def decisions(self):
        """{name: (threshold, whether positive)} at the paper's 0.5 and at the validation bags' threshold."""
        found = {"at_0.5": PAPER_THRESHOLD, "at_validation_threshold": self.threshold}
        return {name: (cut, None if cut is None else self.probability >= cut) for name, cut in found.items()}

    def areas(self):
        """Square millimetres of tissue: (in regions, in all). Where positions part a cell, its tissue lies evenly."""
        part = math.gcd(self.tissue.cell, self.stride)
        times = self.tissue.cell // part
        known = self.tissue.tissue.repeat(times, 0).repeat(times, 1) / times**2
        above = self.above.repeat(self.stride // part, 0).repeat(self.stride // part, 1)
        rows, columns = np.minimum(known.shape, above.shape)  # both reach the slide's edge, and past it what is empty
        inside = (known[:rows, :columns] * above[:rows, :columns]).sum()
        square = (self.slide["grid_mpp"] / 1000) ** 2
        return float(inside * square), float(known.sum() * square)


def answer(path, id, model, show=None):
    """Predicts one slide.

    Args:
        path: of its file.
        id: its name in the outputs.
        model: a loaded TileModel.
        show: as of `mil_tf.prediction.dense.dense_map`.

    Raises:
        SlideError: the slide cannot be used; the message is the reason.
    """
    settings = model.settings
    tiff_file.check_whole(path)
    with open_slide(path, settings.mpp) as slide:
        grid = slide.grid(settings.target_mpp)
        known, shares, chosen = _tissue(grid, settings)
        logits, of_tiles = _scored(grid, model, known, chosen, show)
        times, picture = bag.small(grid)
        about = _about(slide, grid, settings)
    smooth = tile_logits(logits, settings.tile // model.stride) if model.map == "tile" else logits
    probability = np.where(np.isnan(smooth), np.float32(0), np.maximum(expit(smooth), LEAST))
    return SlideAnswer(
        id, str(path), about, known, probability, model.stride, settings.tile, of_tiles, shares, model.threshold,
        model.map, picture, times, warnings_for(about, known, settings, model.threshold),
    )


def _tissue(grid, settings):
    """(Cells, the share of every tile that is tissue, which have enough)."""
    bag.check_size(grid, settings.tile)
    counts = tissue_cells(grid, settings.cell, settings.tissue)
    known = cells.Cells(settings.cell, counts, cells.counted(grid.shape, settings.cell))
    shares = cells.of_tiles(counts, grid.shape, settings.tile, settings.cell) / settings.tile**2
    chosen = np.zeros(shares.shape, bool)
    chosen.ravel()[bag.chosen(known, grid.shape, settings)] = True
    if not chosen.any():
        raise SlideError(f"no tissue: no tile of {settings.tile} pixels has enough, by the rule {settings.tissue!r}")
    return known, shares, chosen


def _scored(grid, model, known, chosen, show):
    """(logits of positions with tissue, logits of the chosen tiles), float32, NaN elsewhere."""
    side, stride = model.settings.tile // model.stride, model.stride
    tissue = with_tissue(known, stride, grid.shape)
    rows, columns = (side * count for count in chosen.shape)
    wanted = tissue.copy()
    wanted[:rows, :columns] |= chosen.repeat(side, 0).repeat(side, 1)
    found = dense_map(model, grid.read, grid.shape, stride, model.margin, model.window, wanted, show)
    if not np.isfinite(found[wanted]).all():
        raise SlideError("the model's logits are not finite")
    means = found[:rows, :columns].reshape(chosen.shape[0], side, chosen.shape[1], side).mean((1, 3))
    return np.where(tissue, found, np.float32(np.nan)), np.where(chosen, means, np.float32(np.nan))


def with_tissue(known, stride, shape):
    """Where there is any tissue, bool (ceil(rows / stride), ceil(columns / stride)).

    Args:
        known: Cells.
        stride: pixels a position.
        shape: (rows, columns) of the slide's grid.
    """
    part = math.gcd(known.cell, stride)
    found = (known.tissue > 0).repeat(known.cell // part, 0).repeat(known.cell // part, 1)
    for axis, side in enumerate(shape):
        found = np.logical_or.reduceat(found, np.arange(0, -(-side // stride)) * (stride // part), axis=axis)
    return found


def _about(slide, grid, settings):
    return {
        "shape": list(map(int, slide.shape)), "mpp": float(slide.mpp),
        "mpp_from": "the file" if settings.mpp is None else "--mpp", "grid_shape": list(map(int, grid.shape)),
        "grid_mpp": float(grid.mpp), "level": int(grid.level), "scale": float(grid.scale),
    }
