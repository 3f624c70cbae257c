"""Reading bags by their row in `bags.csv`, without TensorFlow: whole, without pixels, in blocks, or a few
instances.

Memory is bounded by what is returned: a bag of 800 slices is streamed block by block, and single slices are
reached with a seek.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfrecords import example, record, wire
from tfrecords.dataset import read_bags
from tfrecords.errors import CorruptRecordError, DatasetError
from tfrecords.wire import Damaged


class _Open(NamedTuple):
    file: object
    span: wire.Span
    features: dict


class Told(NamedTuple):
    """source_index: int64 (n,), where each instance came from. dtype, shape: of the instances, (n, h, w, c).
    start: where in the file they start.
    """

    source_index: np.ndarray
    dtype: np.dtype
    shape: tuple
    start: int


def read_bag(folder, row):
    """Returns the whole Bag, checksum verified. Raises CorruptRecordError where the record is damaged."""
    with _opened(folder, row) as (file, span, features):
        record.Checksum(file, span).finish()
        return example.decode(file, features)


def read_fields(folder, row):
    """Returns the Bag with `instances` and `mask` None; their bytes are not read, so the record's checksum is
    not verified.
    """
    with _opened(folder, row) as (file, _, features):
        return example.decode(file, features, large=False)


def read_shape(folder, row):
    """Returns (dtype, (n, h, w, c)) of the bag's instances without reading them."""
    with _opened(folder, row) as (file, _, features):
        return example.pixel_format(file, features)[:2]


def read_mask(folder, row):
    """Returns the mask uint8 (n, h, w) or None; instances are not read, nor the checksum verified."""
    with _opened(folder, row) as (file, _, features):
        return example.read_mask(file, features)


def iter_instances(folder, row, block=32, tell=None):
    """Yields the instances in stored order, as arrays (<= block, h, w, c), holding one block at a time.

    The record's checksum is followed while reading, and compared before the last block is yielded: who has
    seen the whole bag has seen it verified. Raises CorruptRecordError.

    Args:
        folder, row: of the bag.
        block: instances at a time.
        tell: called before the first block with a `Told`, which is verified when the last has come.
    """
    if block < 1:
        raise DatasetError(f"Expected a block of at least 1 instance. Received: {block}.")
    with _opened(folder, row) as (file, span, features):
        dtype, shape, pixels = example.pixel_format(file, features)
        if tell is not None:
            tell(Told(example.read_source_index(file, features), dtype, shape, pixels.start))
        checksum = record.Checksum(file, span)
        checksum.skip_to(pixels.start)
        if shape[0] == 0:
            checksum.finish()
        for start in range(0, shape[0], block):
            count = min(block, shape[0] - start)
            data = checksum.take(count * dtype.itemsize * int(np.prod(shape[1:])))
            if start + count == shape[0]:
                checksum.finish()
            yield np.frombuffer(data, dtype).reshape(count, *shape[1:])


def take_instances(folder, row, indices):
    """Returns instances (len(indices), h, w, c) in the order asked for, by seeking.

    Only lengths are checked, not the record's checksum: read the bag once with `iter_instances` before
    trusting it. Raises CorruptRecordError, and DatasetError where an index is not in 0..n-1.
    """
    with _opened(folder, row) as (file, _, features):
        dtype, shape, pixels = example.pixel_format(file, features)
        return _taken(file, row, indices, dtype, shape, pixels.start)


def take_known(folder, row, indices, dtype, shape, start):
    """As `take_instances`, of a record that `iter_instances` has told of, see `Told`: nothing but pixels is read."""
    with _reported(folder, row), open(Path(folder) / row.shard, "rb") as file:
        return _taken(file, row, indices, dtype, shape, start)


def _taken(file, row, indices, dtype, shape, start):
    wrong = [int(index) for index in indices if not 0 <= index < shape[0]]
    if wrong:
        raise DatasetError(f"bag {row.id}: Expected indices in 0..{shape[0] - 1}. Received: {wrong[0]}.")
    taken = np.empty((len(indices), *shape[1:]), dtype)
    size = dtype.itemsize * int(np.prod(shape[1:]))
    for place, index in enumerate(indices):
        data = wire.read(file, wire.Span(start + int(index) * size, size))
        taken[place] = np.frombuffer(data, dtype).reshape(shape[1:])
    return taken


@contextlib.contextmanager
def _opened(folder, row):
    with _reported(folder, row), open(Path(folder) / row.shard, "rb") as file:
        span = record.data_span(file, row.offset, row.length)
        features = wire.walk(file, span.start, span.start + span.length)
        found = example.read_id(file, features)
        if found != row.id:
            raise Damaged(f"it holds bag {found}")
        yield _Open(file, span, features)


@contextlib.contextmanager
def _reported(folder, row):
    """Names shard, record and bag in what is wrong with a file."""
    try:
        yield
    except (Damaged, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CorruptRecordError(
            f"{row.shard}, record {_number(folder, row)} (bag {row.id}): {reason}; "
            "restore the file or run the preprocessing again."
        ) from error


def _number(folder, row):
    """The record's place in its shard, counted from 0 as the shards are."""
    try:
        return sum(other.shard == row.shard and other.offset < row.offset for other in read_bags(folder))
    except DatasetError:
        return f"at byte {row.offset}"
