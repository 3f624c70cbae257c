import tracemalloc

import numpy as np
import pytest

from mil_tf import data
from mil_tf.data import MemorySource, ShardSource, chunks, epoch_order, nested_subset, reading_ahead, windows
from tfrecords import CorruptRecordError, Dataset, DatasetError

LABELS = np.arange(120) % 2


class Endless:
    """Slices out of nowhere, so that only what chunks() holds is held."""

    instance_shape, dtype = (64, 64, 1), np.dtype(np.float32)

    def __init__(self, counts):
        self.counts, self.handed_out = counts, []

    def blocks(self, position, size):
        for start in range(0, self.counts[position], size):
            count = min(size, self.counts[position] - start)
            self.handed_out.append(count)
            yield np.random.default_rng(start).uniform(size=(count, *self.instance_shape)).astype(self.dtype)


def bags(make_bag, counts):
    return [make_bag(f"bag{i}", n, 6, label=i % 2, seed=i) for i, n in enumerate(counts)]


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_smaller_subset_is_part_of_a_larger_one_and_both_are_balanced(seed):
    subsets = {size: nested_subset(LABELS, size, seed) for size in (10, 50, 100)}
    for small, large in ((10, 50), (50, 100)):
        assert set(subsets[small]) < set(subsets[large])
        np.testing.assert_array_equal(subsets[large][:small], subsets[small])
    for size, found in subsets.items():
        assert len(set(found)) == size and LABELS[found].sum() == size // 2


def test_a_subset_follows_the_seed():
    np.testing.assert_array_equal(nested_subset(LABELS, 30, 3), nested_subset(LABELS, 30, 3))
    assert set(nested_subset(LABELS, 30, 3)) != set(nested_subset(LABELS, 30, 4))


def test_a_subset_is_filled_from_the_class_that_lasts():
    labels = np.array([[0]] * 10 + [[1]] * 2)
    found = nested_subset(labels, 9, 0)
    assert labels[found].sum() == 2 and len(set(found)) == 9
    assert labels[found[:4]].sum() == 2


@pytest.mark.parametrize("size", [0, -1, 121])
def test_a_subset_that_cannot_be_is_refused(size):
    with pytest.raises(ValueError, match=f"between 1 and the 120 training bags.*Received: {size}$"):
        nested_subset(LABELS, size, 0)


def test_the_order_of_an_epoch_is_a_function_of_seed_and_epoch():
    first = epoch_order(50, 0, 3)
    assert sorted(first) == list(range(50)) != list(first)
    np.testing.assert_array_equal(first, epoch_order(50, 0, 3))
    assert list(first) != list(epoch_order(50, 0, 4)) and list(first) != list(epoch_order(50, 1, 3))


def test_windows_hold_every_bag_once_and_the_last_the_remainder():
    order = epoch_order(11, 0, 0)
    cut = windows(order, 4)
    assert [len(window) for window in cut] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(cut), order)


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_chunks_cross_bag_borders_and_keep_one_size(make_bag, size):
    some = bags(make_bag, [3, 1, 9, 2])
    source = MemorySource(some)
    found = list(chunks(source, [2, 0, 1], size))  # all held at once: a buffer that is used again would show
    assert [len(chunk.images) for chunk in found[:-1]] == [size] * (len(found) - 1) and len(found[-1].images) <= size
    seen = np.concatenate([chunk.images for chunk in found])
    np.testing.assert_array_equal(seen, np.concatenate([some[i].instances for i in (2, 0, 1)]))
    assert sum((chunk.places for chunk in found), []) == list(range(13))


@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_identical_instance_is_handed_out_once_and_found_again_by_its_place(make_bag, size):
    some = bags(make_bag, [3, 6, 4])
    for bag, empty in zip(some, ([1], [0, 5], [0, 1, 2, 3])):
        bag.instances[empty] = -1024
    found = list(chunks(MemorySource(some), [0, 1, 2], size))
    handed = np.concatenate([chunk.images for chunk in found])
    places = sum((chunk.places for chunk in found), [])
    np.testing.assert_array_equal(handed[places], np.concatenate([bag.instances for bag in some]))
    assert len(handed) == 2 + 4 + 2  # in the second bag the empty slice comes twice, and is remembered from there on
    assert all(len(chunk.images) == size for chunk in found[:-1])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_chunks_do_not_depend_on_how_many_threads_read(make_bag, write_dataset, threads):
    some = bags(make_bag, [3, 11, 1, 1, 7, 2])
    some[1].instances[[2, 9]] = some[4].instances[3] = 0
    dataset = Dataset(write_dataset(some))
    found, expected = (
        list(chunks(source, [4, 0, 5, 1, 2, 3], 4, count))
        for source, count in ((ShardSource(dataset, dataset.rows), threads), (MemorySource(some), 1))
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.images, theirs.images)
        assert ours.places == theirs.places


def test_damage_is_told_in_its_bags_turn_and_in_its_own_words(make_bag, write_dataset):
    folder = write_dataset(bags(make_bag, [4] * 9))
    dataset = Dataset(folder)
    path = folder / dataset.rows[0].shard
    content = bytearray(path.read_bytes())
    for row in (dataset.rows[5], dataset.rows[7]):
        content[row.offset + row.length // 2] ^= 1
    path.write_bytes(content)
    whole = []
    with pytest.raises(CorruptRecordError, match=r"record 5 \(bag bag5\): checksum does not match"):
        for chunk in chunks(ShardSource(dataset, dataset.rows), range(9), 4, data.READERS):
            whole.append(chunk)
    assert len(whole) == 5


@pytest.mark.parametrize(("large", "threads"), [(72, data.READERS), (73, 1)])  # bytes; a slice has 72
def test_taken_instances_come_in_the_order_of_the_bags(make_bag, write_dataset, monkeypatch, large, threads):
    monkeypatch.setattr(data, "LARGE", large)
    some = bags(make_bag, [3, 5, 2, 4, 6])
    dataset = Dataset(write_dataset(some))
    wanted = [(4, [5, 0]), (0, [2]), (2, [1, 1]), (3, [])]
    source = ShardSource(dataset, dataset.rows)
    found = data.taken(source, *zip(*wanted))
    assert data._threads(source) == threads
    np.testing.assert_array_equal(found, np.concatenate([some[bag].instances[places] for bag, places in wanted[:3]]))


def test_small_bags_are_read_together_and_large_ones_alone():
    groups = list(data._groups([2, 1, 3, 9, 1], [4, 0, 1, 3, 2], 4))
    assert groups == [[(0, 4), (1, 0), (2, 1)], [(3, 3)], [(4, 2)]]


def test_chunks_of_no_bags_are_none(make_bag):
    assert list(chunks(MemorySource(bags(make_bag, [3])), [], 4)) == []


def test_memory_does_not_grow_with_the_bag():
    peaks = {}
    for slices in (40, 400):
        source = Endless([slices])
        tracemalloc.start()
        assert sum(len(chunk.places) for chunk in chunks(source, [0], 8, data.READERS)) == slices
        peaks[slices] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert max(source.handed_out) <= 8
    one = 8 * 64 * 64 * 4
    digests = 360 * 200  # bytes: what is remembered of the slices of one bag
    assert peaks[400] < 8 * one + digests  # of 50: a chunk, one being filled, a portion handed out, one being read


def test_shards_and_memory_look_the_same(make_bag, write_dataset):
    some = bags(make_bag, [3, 1, 9])
    memory = MemorySource(some).subset([2, 0])
    shards = ShardSource(*(lambda d: (d, d.rows))(Dataset(write_dataset(some, [["bag0"], ["bag1", "bag2"]])))).subset([2, 0])
    assert shards.ids == memory.ids == ["bag2", "bag0"] and shards.patients == memory.patients
    assert len(shards) == 2 and shards.instance_shape == memory.instance_shape == (6, 6, 1)
    assert shards.dtype == memory.dtype == np.float16
    np.testing.assert_array_equal(shards.labels, memory.labels)
    np.testing.assert_array_equal(shards.counts, memory.counts)
    for _ in range(2):  # streamed the first time, by seeking the second
        np.testing.assert_array_equal(shards.take(0, [8, 1, 8]), memory.take(0, [8, 1, 8]))
    np.testing.assert_array_equal(shards.fields(1).source_index, memory.fields(1).source_index)
    streamed = shards.subset([0, 1])
    for position in (1, 0, 1):
        list(streamed.blocks(position, 2))
        for source in (shards, streamed):
            np.testing.assert_array_equal(source.source_index(position), memory.source_index(position))
    for position in (0, 1):
        ours, theirs = (np.concatenate(list(one.blocks(position, 2))) for one in (shards, memory))
        np.testing.assert_array_equal(ours, theirs)


def test_the_fields_of_few_bags_are_remembered_and_the_places_of_all(make_bag, write_dataset, monkeypatch):
    monkeypatch.setattr(data, "FIELDS_KEPT", 2)
    dataset = Dataset(write_dataset(bags(make_bag, [3, 1, 2])))
    source = ShardSource(dataset, dataset.rows)
    first = source.fields(0)
    assert source.fields(0) is first
    for position in (0, 1, 2):
        source.source_index(position)
    assert source.fields(0) is not first
    (dataset.folder / dataset.rows[0].shard).unlink()
    assert [sorted(source.source_index(position)) for position in (0, 1, 2)] == [[0, 1, 2], [0], [0, 1]]


@pytest.mark.parametrize("block", [1, 72, 200, 1 << 20])
def test_a_first_take_picks_from_the_stream(make_bag, write_dataset, monkeypatch, block):
    monkeypatch.setattr(data, "VERIFY_BYTES", block)  # a slice has 72
    some = bags(make_bag, [7])
    dataset = Dataset(write_dataset(some))
    for wanted in ([6, 0, 3, 3], [], [2]):
        found = ShardSource(dataset, dataset.rows).take(0, wanted)
        np.testing.assert_array_equal(found, some[0].instances[np.array(wanted, int)])
    with pytest.raises(DatasetError, match=r"bag bag0: Expected indices in 0\.\.6\. Received: 7"):
        ShardSource(dataset, dataset.rows).take(0, [0, 7])


def test_a_bag_of_other_slices_than_the_first_is_refused(make_bag, write_dataset):
    some = [*bags(make_bag, [2]), make_bag("wide", 2, 8)]
    dataset = Dataset(write_dataset(some))
    with pytest.raises(ValueError, match=r"bag wide: Expected instances of float16 \(6, 6, 1\), as bag bag0\."):
        list(ShardSource(dataset, dataset.rows).blocks(1, 4))


def test_a_bag_of_another_size_than_its_row_is_refused(make_bag, write_dataset):
    dataset = Dataset(write_dataset(bags(make_bag, [3, 4])))
    source = ShardSource(dataset, [dataset.rows[0], dataset.rows[1]._replace(n=5)])
    for read in (lambda: list(source.blocks(1, 8)), lambda: source.source_index(1)):
        with pytest.raises(ValueError, match=r"bag bag1: Expected 5 instances, as bags\.csv says\. Received: 4"):
            read()


def test_a_damaged_bag_is_never_handed_out(make_bag, write_dataset):
    folder = write_dataset(bags(make_bag, [3, 4]))
    dataset = Dataset(folder)
    path, row = folder / dataset.rows[1].shard, dataset.rows[1]
    data = bytearray(path.read_bytes())
    data[row.offset + row.length // 2] ^= 4
    path.write_bytes(data)
    source, told = ShardSource(dataset, dataset.rows), r"bags-00000-of-00001\.tfrecord, record 1 \(bag bag1\)"
    with pytest.raises(CorruptRecordError, match=told):
        source.take(1, [0])  # seeking to one slice sees no checksum by itself
    with pytest.raises(CorruptRecordError, match=told):
        list(source.blocks(1, 2))
    assert source.take(0, [0]).shape == (1, 6, 6, 1)


def test_bags_that_were_read_ahead_are_taken_from_by_seeking(make_bag, write_dataset, monkeypatch):
    dataset = Dataset(write_dataset(bags(make_bag, [3, 4, 2])))
    source, other = (ShardSource(dataset, dataset.rows) for _ in range(2))
    windows = [np.array([0]), np.array([1, 2])]
    seen = []
    for window in reading_ahead(source, windows):
        seen.append(list(window))
    assert seen == [[0], [1, 2]]
    monkeypatch.setattr(source, "blocks", None)  # what would stream a bag
    for position in (1, 2):
        np.testing.assert_array_equal(source.take(position, [1, 0]), other.take(position, [1, 0]))


def test_what_is_damaged_is_told_of_at_its_turn_and_not_while_reading_ahead(make_bag, write_dataset):
    dataset = Dataset(write_dataset(bags(make_bag, [3, 4, 2])))
    row = dataset.rows[1]
    path = dataset.folder / row.shard
    whole = bytearray(path.read_bytes())
    whole[row.offset + row.length - 9] ^= 1
    path.write_bytes(whole)
    source = ShardSource(dataset, dataset.rows)
    assert [list(window) for window in reading_ahead(source, [np.array([0]), np.array([1])])] == [[0], [1]]
    with pytest.raises(CorruptRecordError):
        source.take(1, [0])
