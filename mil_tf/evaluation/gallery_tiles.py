"""Tiles of slides in the gallery of errors: their pixels, where they lie, and the words below them."""

from typing import NamedTuple

from mil_tf.evaluation.material import MaterialError
from mil_tf.evaluation.tables import UNKNOWN
from mil_tf.sources import source_of
from tfrecords import reader

NOTE = ("Rows and columns of tiles count from 0; x and y are the upper left corner of a tile in pixels of the slide's "
        "finest level.")


class Tile(NamedTuple):
    """Where a tile lies: `row` and `column` among its slide's tiles, `x` and `y` in pixels of level 0; `count` is how
    many tiles its bag has.
    """

    row: int
    column: int
    x: int
    y: int
    count: int


def tile_of(fields, place):
    """The Tile at `place` of a bag, of which `fields` is a `tfrecords.Bag`."""
    row, column = fields.coords[place].tolist()
    side, scale = int(fields.meta["tile"]), float(fields.meta["scale"])
    return Tile(row // side, column // side, round(column * scale), round(row * scale), len(fields.source_index))


def read_tile(dataset, bag, place):
    """The pixels of a tile, uint8 (h, w, 3), from the shard where it is there, else from the slide.

    Raises:
        MaterialError: the slide is gone, was changed or is damaged.
    """
    if dataset.info["instances"]["dtype"] is not None:
        return reader.take_instances(dataset.folder, bag, [place])[0]
    try:
        return source_of(dataset, [bag]).take(0, [place])[0]
    except ValueError as error:
        raise MaterialError(str(error)) from error


def window_of(dataset):
    """How tiles are shown, in words."""
    settings = dataset.info["preprocessing"]["settings"]
    mpp, side = settings["target_mpp"], settings["tile"]
    return f"about {mpp:g} micrometres a pixel, {side * mpp:g} across, in the colours of the slide"


def tile_told(error):
    """What stands below the picture of an Error that is a tile: lines of text."""
    tile = error.tile
    truth = {UNKNOWN: "", 0: ", truly negative", 1: ", truly positive"}[error.slice_truth] if error.lesion else ""
    lines = [error.id, f"slide {error.probability:.3f}, tile {error.slice_probability:.3f}",
             f"tile {error.source_index}{truth}", f"row {tile.row}, column {tile.column}", f"x {tile.x}, y {tile.y}"]
    return [*lines, f"{len(error.lesion)} of {tile.count} tiles positive"] if error.lesion else lines
