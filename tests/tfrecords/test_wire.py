import io

import numpy as np
import pytest

from tfrecords import wire


def encoded(features):
    import tensorflow as tf

    example = tf.train.Example()
    for name, (kind, values) in features.items():
        getattr(example.features.feature[name], f"{kind}_list").value.extend(values)
    return example.SerializeToString(deterministic=True)


def test_walk_finds_what_protobuf_wrote():
    numbers = [0, 1, -1, 127, 128, -(2**63), 2**63 - 1, 300]
    data = encoded(
        {
            "b": ("bytes", [b"", b"xyz"]),
            "f": ("float", [1.5, -0.25]),
            "i": ("int64", numbers),
            "none": ("int64", []),
        }
    )
    file = io.BytesIO(b"before" + data)
    found = wire.walk(file, 6, 6 + len(data))
    assert [wire.read(file, span) for span in found["b"].spans] == [b"", b"xyz"]
    np.testing.assert_array_equal(wire.numbers(file, found["f"], np.float32), np.float32([1.5, -0.25]))
    np.testing.assert_array_equal(wire.numbers(file, found["i"], np.int64), numbers)


def test_every_cut_is_damage_and_never_another_error():
    data = encoded({"b": ("bytes", [b"xyz"]), "f": ("float", [1.5]), "i": ("int64", [5, 300])})
    for end in range(1, len(data)):
        with pytest.raises(wire.Damaged):
            wire.walk(io.BytesIO(data[:end]), 0, end)


def test_every_flipped_byte_ends_in_values_or_damage():
    data = encoded({"bytes": ("bytes", [b"xyz"]), "ints": ("int64", [5, 300, -7])})
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 0xFF
        file = io.BytesIO(bytes(broken))
        try:
            for feature in wire.walk(file, 0, len(data)).values():
                wire.numbers(file, feature, np.int64)
        except wire.Damaged:
            pass  # any other exception fails the test


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\x80" * 11 + b"\x01"])
def test_bad_varints_are_damage(data):
    with pytest.raises(wire.Damaged):
        wire.varints(data)
