"""Bags for the loop: where they are read from, which of them a run trains on, and in which order.

A source hands out blocks of instances without ever holding a bag, so that memory depends on the block and not on
how many slices a scan has. Shards and arrays in memory look the same to the loop.
"""

import hashlib
from typing import NamedTuple

import numpy as np

# Purposes that draw random numbers from a run's seed; each has its own stream (our decision).
SUBSET_STREAM, ORDER_STREAM, AUGMENT_STREAM = 1, 2, 3
VERIFY_BLOCK = 8  # instances held while a checksum is followed, 4 MiB at 512x512; our decision


class MemorySource:
    """Bags held in memory.

    Args:
        bags: list of `tfrecords.Bag` with `instances`.
    """

    def __init__(self, bags):
        self._bags = list(bags)
        self.ids = [bag.id for bag in self._bags]
        self.patients = [bag.patient for bag in self._bags]
        self.labels = np.array([bag.label for bag in self._bags], np.int64)
        self.counts = np.array([len(bag.source_index) for bag in self._bags], np.int64)

    def __len__(self):
        return len(self._bags)

    @property
    def instance_shape(self):
        """(h, w, c) of every instance."""
        return self._bags[0].instances.shape[1:]

    @property
    def dtype(self):
        """numpy dtype of the instances."""
        return self._bags[0].instances.dtype

    def blocks(self, position, size):
        """Yields the bag's instances in stored order, at most `size` at a time."""
        instances = self._bags[position].instances
        for start in range(0, len(instances), size):
            yield instances[start : start + size]

    def take(self, position, indices):
        """Returns the instances at `indices`, (m, h, w, c)."""
        return self._bags[position].instances[np.asarray(indices)]

    def fields(self, position):
        """Returns the bag; its `instances` may be None in other sources."""
        return self._bags[position]

    def subset(self, positions):
        """Returns a source of the bags at `positions`."""
        return MemorySource([self._bags[i] for i in positions])


class ShardSource:
    """Bags read from shards, block by block, checksums verified while reading.

    Args:
        dataset: an open `tfrecords.Dataset`.
        rows: its rows that this source holds.

    Raises:
        tfrecords.CorruptRecordError: from whatever reads a bag that is damaged, before it can be learned from.
    """

    def __init__(self, dataset, rows):
        self._dataset, self._rows = dataset, list(rows)
        self._fields, self._verified, self._format = {}, set(), None
        self.ids = [row.id for row in self._rows]
        self.patients = [row.patient for row in self._rows]
        self.labels = np.array([row.label for row in self._rows], np.int64)
        self.counts = np.array([row.n for row in self._rows], np.int64)

    def __len__(self):
        return len(self._rows)

    @property
    def instance_shape(self):
        """(h, w, c) of every instance."""
        return self._pixel_format()[1][1:]

    @property
    def dtype(self):
        """numpy dtype of the instances."""
        return self._pixel_format()[0]

    def blocks(self, position, size):
        """Yields the bag's instances in stored order, at most `size` at a time."""
        from tfrecords import reader

        yield from reader.iter_instances(self._dataset.folder, self._rows[position], size)
        self._verified.add(position)

    def take(self, position, indices):
        """Returns the instances at `indices`, (m, h, w, c).

        Seeking cannot see a checksum, so a bag that has not been streamed yet is streamed once before.
        """
        from tfrecords import reader

        if position not in self._verified:
            for _ in self.blocks(position, VERIFY_BLOCK):
                pass
        return reader.take_instances(self._dataset.folder, self._rows[position], indices)

    def fields(self, position):
        """Returns the bag without its instances, read once and kept (a few hundred bytes a slice)."""
        from tfrecords import reader

        if position not in self._fields:
            self._fields[position] = reader.read_fields(self._dataset.folder, self._rows[position])
        return self._fields[position]

    def subset(self, positions):
        """Returns a source of the bags at `positions`."""
        return ShardSource(self._dataset, [self._rows[i] for i in positions])

    def _pixel_format(self):
        from tfrecords import reader

        if self._format is None:
            dtype, shape = reader.read_shape(self._dataset.folder, self._rows[0])
            self._format = dtype, tuple(shape)
        return self._format


def nested_subset(labels, size, seed):
    """Positions of a class-balanced random subset; a smaller size is a subset of a larger one of the same seed.

    remedios2020 section 2.2 draws 672, 500, ... random volumes; nesting them is our decision, because it takes the
    draw out of the comparison between sizes. One seeded permutation is walked, alternating between the classes
    while both last.

    Args:
        labels: (N,) or (N, 1) integer labels.
        size: how many bags.
        seed: of the run.

    Returns:
        int64 (size,), in the order drawn.

    Raises:
        ValueError: where fewer bags than `size` exist.
    """
    labels = np.asarray(labels).reshape(len(labels), -1)[:, 0]
    if not 0 < size <= len(labels):
        raise ValueError(
            f"Expected --bags between 1 and the {len(labels)} training bags of this fold. Received: {size}"
        )
    order = generator(seed, SUBSET_STREAM).permutation(len(labels))
    queues = [list(order[labels[order] == value]) for value in sorted(set(labels.tolist()), reverse=True)]
    drawn = []
    while len(drawn) < size:
        for queue in queues:
            if queue and len(drawn) < size:
                drawn.append(queue.pop(0))
    return np.array(drawn, np.int64)


def epoch_order(count, seed, epoch):
    """The order of the training bags in an epoch: int64 (count,), a function of seed and epoch alone."""
    return generator(seed, ORDER_STREAM, epoch).permutation(count)


def windows(order, size):
    """Cuts an epoch's order into accumulation windows; the last holds the remainder."""
    return [order[start : start + size] for start in range(0, len(order), size)]


def generator(seed, *stream):
    """numpy Generator of a named stream of the run's seed."""
    return np.random.default_rng([int(seed), *map(int, stream)])


class Chunk(NamedTuple):
    """images: (m, h, w, c). places: for each instance read since the last chunk, which distinct one it is, counted
    over all chunks.
    """

    images: np.ndarray
    places: list


def chunks(source, positions, size):
    """Yields Chunks of distinct instances that cross bag borders, all of `size` but the last.

    Identical instances are handed out once: after brain extraction many slices are empty, and none of them needs to be
    scored twice. Equality is that of the bytes (sha256). What is remembered does not grow with the number of bags: the
    instances of the bag at hand, and those that have come twice.
    """
    buffer, filled, total, places = None, 0, 0, []
    repeated = {}
    for position in positions:
        seen = dict(repeated)
        for block in source.blocks(position, size):
            for image in block:
                digest = hashlib.sha256(np.ascontiguousarray(image)).digest()
                if digest in seen:
                    repeated[digest] = seen[digest]
                    places.append(seen[digest])
                    continue
                buffer = np.empty((size, *source.instance_shape), source.dtype) if buffer is None else buffer
                buffer[filled], seen[digest] = image, total
                places.append(total)
                filled, total = filled + 1, total + 1
                if filled == size:
                    yield Chunk(buffer, places)
                    buffer, filled, places = None, 0, []
    if places:
        empty = np.empty((0, *source.instance_shape), source.dtype)
        yield Chunk(empty if buffer is None else buffer[:filled], places)
