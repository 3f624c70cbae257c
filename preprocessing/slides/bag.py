"""One slide -> one `Bag` of tiles (lerousseau2020, section 3.1), and what is known of it in cells.

Find the grid -> find tissue -> take the tiles of a regular grid that have enough of it. Tiles that overhang the slide's
right and lower edge are left out, as in the released code.
"""

import os
from typing import Any, NamedTuple

import numpy as np

from preprocessing.slides import cells, tiff_file
from preprocessing.slides import truth as drawn
from preprocessing.slides.errors import SlideError
from preprocessing.slides.reader import open_slide
from preprocessing.slides.tissue import TILES, tissue_cells
from tfrecords import Bag

SHOWN_PIXELS = 1200  # the longer side of the picture that people look at, at most; our decision
LARGEST = 2**31 - 1  # bytes of a record


class Prepared(NamedTuple):
    """A slide's bag, and what else is known of it.

    Attributes:
        bag: the Bag.
        cells: `preprocessing.slides.cells.Cells`.
        picture: uint8 RGB (rows, columns, 3), the slide made small, or None.
        times: grid pixels a pixel of the picture.
        grid: (rows, columns) of the slide's grid.
    """

    bag: Any
    cells: cells.Cells
    picture: Any
    times: int
    grid: tuple


def prepare(path, settings, *, id, label=None, patient=None, meta=None, mask=None, truth=False, **wanted):
    """Returns a slide as `Prepared`.

    Args:
        path: of the slide.
        settings: SlideSettings.
        id, patient: strings; the patient is the id unless given.
        label: 0 or 1; None is unknown (-1).
        meta: dict that goes to the bag's `meta`.
        mask: path of a picture that is not 0 where the slide is positive, or None.
        truth: whether pixel truth exists for this data set at all; then a negative slide has no positive pixel.
        wanted: `pixels`: whether the bag holds its tiles' pixels; `picture`: whether one is made.

    Raises:
        SlideError: the slide or its mask cannot be used; the message is the reason.
    """
    tiff_file.check_whole(path)
    with open_slide(path, settings.mpp) as slide:
        grid = slide.grid(settings.target_mpp)
        check_size(grid, settings.tile)
        found = _cells(slide, grid, settings, label, mask, truth)
        numbers = chosen(found, grid.shape, settings)
        if not len(numbers):
            raise SlideError(f"no tissue: no tile of {settings.tile} pixels has enough, by --tissue {settings.tissue}")
        corners = _corners(numbers, grid.shape, settings.tile)
        bag = Bag(
            id=id,
            patient=patient or id,
            label=[-1 if label is None else label],
            instances=_pixels(grid, corners, settings.tile) if wanted.get("pixels") else None,
            source_index=numbers,
            instance_label=_labels(found, grid.shape, numbers, settings),
            source_path=os.path.abspath(path),
            level=grid.level,
            mpp=grid.mpp,
            coords=corners,
            meta={**(meta or {}), **_facts(path, grid, settings, id)},
        )
        times, picture = small(grid) if wanted.get("picture") else (1, None)
    return Prepared(bag, found, picture, times, grid.shape)


def chosen(found, shape, settings):
    """The row-major numbers of the tiles that belong to a bag, int64 (n,).

    Args:
        found: Cells.
        shape: (rows, columns) of the grid.
    """
    counts = cells.of_tiles(found.tissue, shape, settings.tile, settings.cell)
    return np.flatnonzero(counts >= TILES[settings.tissue].least * settings.tile**2)


def _cells(slide, grid, settings, label, mask, known):
    positive, pixels = None, cells.counted(grid.shape, settings.cell)
    if mask is not None:
        positive = drawn.positive_cells(drawn.read_mask(mask), slide.shape, grid, settings.cell)
        if label == 0 and positive.any():
            raise SlideError("mask: it marks positive pixels, and the slide's label is 0")
    elif known and label == 0:
        positive = np.zeros_like(pixels)
    return cells.Cells(settings.cell, tissue_cells(grid, settings.cell, settings.tissue), pixels, positive)


def _labels(found, shape, numbers, settings):
    if found.positive is None:
        return None
    return drawn.tile_labels(found.positive, shape, settings.tile, settings.cell).ravel()[numbers][:, None]


def _corners(numbers, shape, tile):
    """int64 (n, 2): the upper left (row, column) of tiles in grid pixels."""
    return np.stack(np.divmod(numbers, shape[1] // tile), axis=1) * tile


def _pixels(grid, corners, tile):
    wanted = len(corners) * tile * tile * 3
    if wanted > LARGEST:
        raise SlideError(f"too many tiles for --materialise: {len(corners)} are {wanted >> 20} MB, a record holds 2 GB")
    found = np.empty((len(corners), tile, tile, 3), np.uint8)
    for place, (row, column) in enumerate(corners.tolist()):
        found[place] = grid.read(row, column, tile, tile)
    return found


def _facts(path, grid, settings, id):
    return {
        "tile": settings.tile, "scale": grid.scale, "factor": grid.factor, "grid": list(grid.shape),
        "tissue": settings.tissue, "cells": cells.place(id), "bytes": os.path.getsize(path),
    }


def small(grid):
    """(grid pixels a pixel, uint8 RGB): the slide made so small that people look at it whole."""
    times = max(1, -(-max(grid.shape) // SHOWN_PIXELS))
    coarse = grid.coarse(times)
    return times, coarse.read(0, 0, *coarse.shape)


def check_size(grid, tile):
    """Raises SlideError where a tile of so many pixels a side does not fit a grid."""
    if min(grid.shape) < tile:
        rows, columns = grid.shape
        raise SlideError(f"smaller than a tile: {columns} x {rows} pixels at {grid.mpp:.3g} micrometres a pixel")
