"""Bags for the loop: where they are read from, which of them a run trains on, and in which order.

A source hands out blocks of instances without ever holding a bag, so that memory depends on the block and not on
how many slices a scan has. Shards and arrays in memory look the same to the loop.
"""

import collections
import contextlib
import functools
import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

# Purposes that draw random numbers from a run's seed; each has its own stream (our decision).
SUBSET_STREAM, ORDER_STREAM, AUGMENT_STREAM = 1, 2, 3
VERIFY_BYTES = 4 << 20  # of instances held while a checksum is followed; our decision
READERS = 4  # threads that read and hash, each a portion of about a chunk ahead; `benchmarks/input.py` measures them
LARGE = 1 << 16  # bytes of an instance from which on all of them read: with smaller ones they fight for the interpreter
REPEATED_KEPT = 64  # instances that have come twice and are remembered from bag to bag; our decision
FIELDS_KEPT = 1024  # bags whose fields are remembered, so that memory does not follow the number of bags; our decision


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

    def ready(self, positions):
        """Nothing needs to be read ahead here."""

    def fields(self, position):
        """Returns the bag; its `instances` may be None in other sources."""
        return self._bags[position]

    def mask(self, position):
        """The bag's mask, uint8 (n, h, w), or None where it has none; for evaluation only."""
        return self._bags[position].mask

    def source_index(self, position):
        """Where each instance of the bag came from, int64 (n,)."""
        return self._bags[position].source_index

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
        from tfrecords import reader

        self._dataset, self._rows = dataset, list(rows)
        self._read_fields = functools.lru_cache(FIELDS_KEPT)(functools.partial(reader.read_fields, dataset.folder))
        self._verified, self._format = np.zeros(len(self._rows), bool), None
        self._pixels = np.zeros(len(self._rows), np.int64)  # where in its file a verified bag's instances start
        self.ids = [row.id for row in self._rows]
        self.patients = [row.patient for row in self._rows]
        self.labels = np.array([row.label for row in self._rows], np.int64)
        self.counts = np.array([row.n for row in self._rows], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])
        self._index, self._indexed = np.empty(self._starts[-1], np.int64), np.zeros(len(self._rows), bool)

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

        found = []
        tell = None if self._verified[position] else found.append
        for count, block in enumerate(reader.iter_instances(self._dataset.folder, self._rows[position], size, tell)):
            if found and not count:
                self._check_format(position, found[0])
            yield block
        for told in found:
            self._note(position, told.source_index)
            self._pixels[position], self._verified[position] = told.start, True

    def take(self, position, indices):
        """Returns the instances at `indices`, (m, h, w, c).

        Seeking cannot see a checksum, so a bag that has not been streamed yet is streamed once.
        """
        from tfrecords import reader

        row, indices = self._rows[position], np.asarray(indices, np.int64)
        if not self._verified[position] and ((0 <= indices) & (indices < row.n)).all():
            return self._picked(position, indices)
        shape = (row.n, *self.instance_shape)
        return reader.take_known(self._dataset.folder, row, indices, self.dtype, shape, int(self._pixels[position]))

    def _picked(self, position, indices):
        """The instances at `indices` of a bag while it is streamed."""
        found, place = np.empty((len(indices), *self.instance_shape), self.dtype), 0
        for block in self.blocks(position, max(1, VERIFY_BYTES // _bytes(self))):
            here = (place <= indices) & (indices < place + len(block))
            found[here] = block[indices[here] - place]
            place += len(block)
        return found

    def ready(self, positions):
        """Reads bags that have not been read yet, so that `take` need not; what is damaged is told of by `take`."""
        for position in positions:
            if not self._verified[position]:
                with contextlib.suppress(Exception):
                    collections.deque(self.blocks(position, max(1, VERIFY_BYTES // _bytes(self))), maxlen=0)

    def fields(self, position):
        """Returns the bag without its instances; those asked for last are kept (a few hundred bytes a slice)."""
        return self._read_fields(self._rows[position])

    def mask(self, position):
        """The bag's mask, uint8 (n, h, w), or None where it has none; for evaluation only."""
        from tfrecords import reader

        return reader.read_mask(self._dataset.folder, self._rows[position])

    def source_index(self, position):
        """Where each instance of the bag came from, int64 (n,); read once and kept for all bags, 8 bytes a slice."""
        if not self._indexed[position]:
            self._note(position, self.fields(position).source_index)
        return self._index[self._starts[position] : self._starts[position + 1]]

    def _check_format(self, position, told):
        expected, found = (self.dtype, self.instance_shape), (told.dtype, told.shape[1:])
        if found != expected:
            raise ValueError(
                f"bag {self.ids[position]}: Expected instances of {expected[0]} {expected[1]}, as bag {self.ids[0]}. "
                f"Received: {found[0]} {found[1]}."
            )

    def _note(self, position, source_index):
        row, count = self._rows[position], len(source_index)
        if count != row.n:
            raise ValueError(f"bag {row.id}: Expected {row.n} instances, as bags.csv says. Received: {count}.")
        self._index[self._starts[position] : self._starts[position + 1]] = source_index
        self._indexed[position] = True

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
        labels: (N,) or (N, k) integer labels. With several classes a bag counts for its first one, and one without
            any for a class of their own.
        size: how many bags.
        seed: of the run.

    Returns:
        int64 (size,), in the order drawn.

    Raises:
        ValueError: where fewer bags than `size` exist.
    """
    labels = _first_class(np.asarray(labels).reshape(len(labels), -1))
    if not 0 < size <= len(labels):
        raise ValueError(
            f"Expected --bags between 1 and the {len(labels)} training bags of this fold. Received: {size}"
        )
    order = generator(seed, SUBSET_STREAM).permutation(len(labels))
    queues = [order[labels[order] == value] for value in sorted(set(labels.tolist()), reverse=True)]
    turn = np.concatenate([np.arange(len(queue)) for queue in queues])  # a class' k-th bag is drawn in turn k
    return np.concatenate(queues)[np.argsort(turn, kind="stable")][:size].astype(np.int64)


def _first_class(labels):
    if labels.shape[1] == 1:
        return labels[:, 0]
    return np.where((labels == 1).any(axis=1), (labels == 1).argmax(axis=1), -1)


def several(source, noun="slices"):
    """Which bag of a source has another number of instances than one, in words; "" where none has."""
    places = np.flatnonzero(source.counts != 1)
    return f"{source.counts[places[0]]} {noun} in bag {source.ids[places[0]]}" if len(places) else ""


def epoch_order(count, seed, epoch):
    """The order of the training bags in an epoch: int64 (count,), a function of seed and epoch alone."""
    return generator(seed, ORDER_STREAM, epoch).permutation(count)


def windows(order, size):
    """Cuts an epoch's order into accumulation windows; the last holds the remainder."""
    return [order[start : start + size] for start in range(0, len(order), size)]


def reading_ahead(source, windows):
    """Yields the windows in turn; the bags of the next one are read while one is at work."""
    with ThreadPoolExecutor(1) as reader:
        ahead = None
        for window, following in itertools.zip_longest(windows, windows[1:]):
            if ahead:
                ahead.result()
            ahead = None if following is None else reader.submit(source.ready, [int(p) for p in following])
            yield window


def generator(seed, *stream):
    """numpy Generator of a named stream of the run's seed."""
    return np.random.default_rng([int(seed), *map(int, stream)])


class Chunk(NamedTuple):
    """images: (m, h, w, c). places: for each instance read since the last chunk, which distinct one it is, counted
    over all chunks.
    """

    images: np.ndarray
    places: list


def chunks(source, positions, size, threads=None):
    """Yields Chunks of distinct instances that cross bag borders, all of `size` but the last.

    Identical instances are handed out once: after brain extraction many slices are empty, and none of them needs to be
    scored twice. Equality is that of the bytes (sha256). What is remembered does not grow with the number of bags: the
    instances of the bag at hand, and those that have come twice. What comes does not depend on how many `threads` read
    and hash (default: READERS where instances are large, else one).
    """
    buffer, filled, total, places = None, 0, 0, []
    repeated, seen, at = {}, {}, None
    for bag, block, digests in _read_ahead(source, positions, size, threads or _threads(source)):
        if bag != at:
            seen, at = dict(repeated), bag
        for image, digest in zip(block, digests):
            if digest in seen:
                repeated[digest] = seen[digest]
                if len(repeated) > REPEATED_KEPT:
                    del repeated[next(iter(repeated))]
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


def taken(source, positions, indices):
    """The instances at `indices` (one array a bag) of bags, one after the other, (m, h, w, c); several threads read.

    Raises what `source.take` does, of the first bag that cannot be read.
    """
    with ThreadPoolExecutor(_threads(source)) as readers:
        return np.concatenate(list(readers.map(source.take, positions, indices)))


def _threads(source):
    return READERS if _bytes(source) >= LARGE else 1


def _bytes(source):
    """Bytes of an instance."""
    return int(np.prod(source.instance_shape)) * np.dtype(source.dtype).itemsize


def _read_ahead(source, positions, size, threads):
    """Yields (which bag, block, sha256 of each of its instances) in the order of the bags.

    The threads are at bags of their own and never more than a portion ahead. Threads and not `tf.data`, which would
    turn the reader's one-line error about a damaged record into its own; it comes when its bag's turn does.
    """
    waiting = collections.deque()
    with ThreadPoolExecutor(threads) as hashers, ThreadPoolExecutor(threads) as readers:
        for group in _groups(source.counts, positions, size):
            pieces = _hashed(source, group, size, hashers, threads)
            waiting.append((pieces, readers.submit(_portion, pieces, size)))
            if len(waiting) == threads:
                yield from _rest(readers, *waiting.popleft(), size)
        while waiting:
            yield from _rest(readers, *waiting.popleft(), size)


def _rest(readers, pieces, portion, size):
    """What is left of `pieces`, the next portion read while one is handed out."""
    while found := portion.result():
        portion = readers.submit(_portion, pieces, size)
        yield from found


def _portion(pieces, size):
    """The next pieces, of `size` instances or slightly more in all; fewer at the end, none after it."""
    found, held = [], 0
    for piece in pieces:
        found.append(piece)
        held += len(piece[1])
        if held >= size:
            break
    return found


def _groups(counts, positions, size):
    """Cuts positions into runs of at least `size` instances, [(which bag, position)]: small bags are read together."""
    group, held = [], 0
    for bag, position in enumerate(positions):
        group.append((bag, position))
        held += counts[position]
        if held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group


def _hashed(source, group, size, hashers, threads):
    for bag, position in group:
        for block in source.blocks(position, size):
            parts = hashers.map(_digests, np.array_split(block, threads)) if threads > 1 else [_digests(block)]
            yield bag, block, [digest for part in parts for digest in part]


def _digests(images):
    return [hashlib.sha256(np.ascontiguousarray(image)).digest() for image in images]
