import tracemalloc

import numpy as np
import pytest

from tfrecords import CorruptRecordError, Dataset, DatasetError, reader


@pytest.fixture
def bags(make_bag):
    masks = {"a": np.ones((5, 8, 8), np.uint8)}
    return {id: make_bag(id, n, label=n % 2, mask=masks.get(id)) for id, n in (("a", 5), ("b", 1), ("c", 8))}


@pytest.fixture
def dataset(bags, write_dataset):
    return Dataset(write_dataset(bags.values(), [["a", "b"], ["c"]]))


@pytest.mark.parametrize("block", [1, 3, 5, 100])
def test_blocks_make_up_the_bag(dataset, bags, block):
    for row in dataset.rows:
        blocks = list(reader.iter_instances(dataset.folder, row, block))
        assert all(len(one) <= block for one in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), bags[row.id].instances)


def test_what_is_told_before_the_first_block_is_what_taking_needs(dataset, bags):
    row, found = dataset.by_id["c"], []
    next(reader.iter_instances(dataset.folder, row, 3, found.append))
    (told,) = found
    np.testing.assert_array_equal(told.source_index, bags["c"].source_index)
    taken = reader.take_known(dataset.folder, row, [7, 0], *told[1:])
    np.testing.assert_array_equal(taken, bags["c"].instances[[7, 0]])
    with pytest.raises(DatasetError, match=r"Expected indices in 0\.\.7\. Received: -1"):
        reader.take_known(dataset.folder, row, [-1], *told[1:])
    (dataset.folder / row.shard).write_bytes(b"")
    with pytest.raises(CorruptRecordError, match=r"record 0 \(bag c\): the file ends inside the record"):
        reader.take_known(dataset.folder, row, [7], *told[1:])


def test_taken_instances_come_in_the_order_asked_for(dataset, bags):
    row = dataset.by_id["c"]
    np.testing.assert_array_equal(
        reader.take_instances(dataset.folder, row, [7, 0, 7]), bags["c"].instances[[7, 0, 7]]
    )
    assert reader.take_instances(dataset.folder, row, []).shape == (0, 8, 8, 1)
    with pytest.raises(DatasetError, match=r"Expected indices in 0\.\.7\. Received: 8"):
        reader.take_instances(dataset.folder, row, [8])


def test_fields_come_without_pixels(dataset, bags):
    fields = reader.read_fields(dataset.folder, dataset.by_id["a"])
    assert fields.instances is None and fields.mask is None
    np.testing.assert_array_equal(fields.source_index, bags["a"].source_index)
    assert reader.read_shape(dataset.folder, dataset.by_id["a"]) == (np.dtype("<f2"), (5, 8, 8, 1))
    assert reader.read_mask(dataset.folder, dataset.by_id["a"]).sum() == 5 * 64
    assert reader.read_mask(dataset.folder, dataset.by_id["b"]) is None


def test_a_flipped_bit_is_named_with_file_record_and_bag(dataset):
    row = dataset.by_id["b"]
    path = dataset.folder / row.shard
    data = bytearray(path.read_bytes())
    data[row.offset + row.length // 2] ^= 1
    path.write_bytes(bytes(data))
    message = (
        r"bags-00000-of-00002\.tfrecord, record 1 \(bag b\): checksum does not match; restore the file or run"
    )
    with pytest.raises(CorruptRecordError, match=message):
        reader.read_bag(dataset.folder, row)
    with pytest.raises(CorruptRecordError, match=message):
        list(reader.iter_instances(dataset.folder, row))
    reader.read_bag(dataset.folder, dataset.by_id["a"])  # its neighbour is whole


def test_no_flipped_bit_of_a_record_passes(dataset):
    row = dataset.by_id["b"]
    path = dataset.folder / row.shard
    whole = path.read_bytes()
    for position in range(row.offset, row.offset + row.length):
        data = bytearray(whole)
        data[position] ^= 0x10
        path.write_bytes(bytes(data))
        with pytest.raises(CorruptRecordError):
            list(reader.iter_instances(dataset.folder, row))


def test_the_last_block_is_not_handed_out_before_the_check(dataset):
    row = dataset.by_id["a"]
    path = dataset.folder / row.shard
    data = bytearray(path.read_bytes())
    data[row.offset + row.length - 1] ^= 1
    path.write_bytes(bytes(data))
    blocks = reader.iter_instances(dataset.folder, row, 2)
    assert len(next(blocks)) == len(next(blocks)) == 2
    with pytest.raises(CorruptRecordError):
        next(blocks)


def test_a_truncated_or_missing_shard_is_named(dataset):
    row = dataset.by_id["c"]
    path = dataset.folder / row.shard
    path.write_bytes(path.read_bytes()[:-100])
    for read in (reader.read_bag, reader.read_fields, lambda *args: list(reader.iter_instances(*args))):
        with pytest.raises(
            CorruptRecordError,
            match=r"00001-of-00002\.tfrecord, record 0 \(bag c\): the file ends inside the record",
        ):
            read(dataset.folder, row)
    path.unlink()
    with pytest.raises(CorruptRecordError, match=r"record 0 \(bag c\): No such file"):
        reader.read_bag(dataset.folder, row)


def test_a_swapped_record_is_noticed(dataset):
    row = dataset.by_id["a"]._replace(id="z")
    with pytest.raises(CorruptRecordError, match="it holds bag a"):
        reader.read_bag(dataset.folder, row)


def test_memory_is_bounded_by_the_block(make_bag, write_dataset):
    dataset = Dataset(write_dataset([make_bag("big", 256, size=128)]))  # 8 MiB of slices
    tracemalloc.start()
    for _ in reader.iter_instances(dataset.folder, dataset.rows[0], block=4):  # 128 KiB each
        pass
    reader.take_instances(dataset.folder, dataset.rows[0], [255])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_block_must_be_positive(dataset):
    with pytest.raises(DatasetError, match="Expected a block of at least 1 instance. Received: 0"):
        next(reader.iter_instances(dataset.folder, dataset.rows[0], 0))
