"""Bags of tiles for the loop whose pixels lie in the slides themselves, and are read from there."""

import contextlib
import functools
import os
import threading

import numpy as np

from mil_tf.data import ShardSource

SLIDES_KEPT = 8  # open slides, each with what its library remembers, 32 MB for OpenSlide; our decision
CHANNELS = 3


class SlideSource(ShardSource):
    """Bags of tiles: with the interface of `mil_tf.data.ShardSource`, and the same pixels whether shards hold them or
    only say where they are in a slide. Threads may read at once.

    Args:
        dataset: an open `tfrecords.Dataset` of slides.
        rows: its rows that this source holds.

    Raises:
        ValueError: from whatever reads a bag whose slide is gone, was changed or is damaged, or that is of no slide.
    """

    def __init__(self, dataset, rows):
        super().__init__(dataset, rows)
        self._held = dataset.info["instances"]["dtype"] is not None
        self._slides = _Slides(SLIDES_KEPT)

    def blocks(self, position, size):
        """Yields the bag's tiles in stored order, at most `size` at a time."""
        if self._held:
            yield from super().blocks(position, size)
            return
        for start in range(0, int(self.counts[position]), size):
            yield self.take(position, np.arange(start, min(start + size, int(self.counts[position]))))

    def take(self, position, indices):
        """Returns the tiles at `indices`, uint8 (m, h, w, 3)."""
        if self._held:
            return super().take(position, indices)
        bag, indices = self.fields(position), np.asarray(indices, np.int64)
        tile, grid = self.instance_shape[0], self._slides.grid(bag)
        found = np.empty((len(indices), tile, tile, CHANNELS), np.uint8)
        for place, (row, column) in enumerate(bag.coords[indices].tolist()):
            found[place] = _read(bag, grid, row, column, tile)
        return found

    def ready(self, positions):
        """Reads bags ahead where shards hold them; tiles that only a draw names cannot be."""
        if self._held:
            super().ready(positions)

    def subset(self, positions):
        """Returns a source of the bags at `positions`."""
        return SlideSource(self._dataset, [self._rows[i] for i in positions])

    def _pixel_format(self):
        if self._held:
            return super()._pixel_format()
        if self._format is None:
            tile = int(self.fields(0).meta["tile"])
            self._format = np.dtype(np.uint8), (int(self.counts[0]), tile, tile, CHANNELS)
        return self._format


class _Slides:
    """Slides that were read last, open. One that is dropped closes when its last reader lets go of it."""

    def __init__(self, kept):
        self._lock, self._open = threading.Lock(), functools.lru_cache(kept)(_opened)

    def grid(self, bag):
        """The `preprocessing.slides.grid.Grid` that a bag's tiles were taken from."""
        meta, mpp = bag.meta, float(bag.mpp[0])
        with self._lock:  # two threads would open it twice
            return self._open(bag.id, bag.source_path, int(bag.level[0]), meta["factor"], mpp, meta["bytes"])


def _opened(id, path, level, factor, mpp, size):
    from preprocessing.slides.reader import open_slide

    if not os.path.exists(path) or os.path.getsize(path) != size:
        found = f"{os.path.getsize(path)} bytes" if os.path.exists(path) else "none there"
        raise ValueError(f"bag {id}: Expected its slide of {size} bytes at {path}. Received: {found}.")
    with _told(id, path):  # the resolution is known of the bag: only its pixels are asked for
        return open_slide(path, mpp).grid_of(level, factor)


def _read(bag, grid, row, column, tile):
    with _told(bag.id, bag.source_path):
        return grid.read(row, column, tile, tile)


@contextlib.contextmanager
def _told(id, path):
    """A slide's error with its name."""
    from preprocessing.slides.errors import SlideError

    try:
        yield
    except SlideError as error:
        raise SlideError(f"bag {id}, {path}: {error}") from error
