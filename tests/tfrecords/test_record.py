import pytest

from tfrecords import record
from tfrecords.wire import Damaged


@pytest.fixture
def shard(tmp_path):
    """A shard that TensorFlow wrote, of three records."""
    import tensorflow as tf

    path = tmp_path / "x.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as file:
        for data in (b"one", b"", b"three" * 1000):
            file.write(data)
    return path


def test_framing_and_checksums_are_tensorflows(shard):
    with open(shard, "rb") as file:
        found = list(record.spans(file))
        assert [length - record.FRAMING_BYTES for _, length in found] == [3, 0, 5000]
        for offset, length in found:
            record.Checksum(file, record.data_span(file, offset, length)).finish()


def test_a_flipped_bit_in_length_or_data_is_damage(shard):
    whole = shard.read_bytes()
    for position in range(19):
        broken = bytearray(whole)
        broken[position] ^= 4
        shard.write_bytes(bytes(broken))
        with open(shard, "rb") as file, pytest.raises(Damaged, match="checksum"):
            record.Checksum(file, record.data_span(file, 0)).finish()


def test_a_cut_file_is_damage(shard):
    shard.write_bytes(shard.read_bytes()[:-1])
    with open(shard, "rb") as file, pytest.raises(Damaged, match="ends inside the record"):
        list(record.spans(file))
