"""What PyTorch writes is read; anything else is one line, and nothing that a file names is run."""

import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from mil_tf.conversion import steps as walked
from mil_tf.conversion.torch_file import StateError, read_state

STATE = {
    "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "a.count": np.array(7, np.int64),
    "b": np.linspace(-1, 1, 5, dtype=np.float32),
}


def refused(path):
    """The reason, which must be one line that names the file."""
    with pytest.raises(StateError) as caught:
        read_state(path)
    reason = str(caught.value)
    assert reason.startswith(str(path)) and len(reason.splitlines()) == 1 and len(reason) < len(str(path)) + 300
    return reason


def equal(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].shape == array.shape and found[key].dtype.name == array.dtype.name
        np.testing.assert_array_equal(found[key], array)


def test_a_state_dict_is_read(write_state):
    equal(read_state(write_state(STATE)), STATE)


def test_the_byte_order_is_the_files(write_state):
    big = {f"data/{place}": array.astype(array.dtype.newbyteorder(">")).tobytes()
           for place, array in enumerate(STATE.values())}
    equal(read_state(write_state(STATE, entries={**big, "byteorder": b"big"})), STATE)
    equal(read_state(write_state(STATE, entries={"byteorder": b"little"})), STATE)
    assert "byte order" in refused(write_state(STATE, entries={"byteorder": b"middle"}))


def test_a_tensor_may_be_a_turned_part_of_its_storage(write_state):
    lies = {"a.weight": {"shape": (4, 2), "strides": (1, 4), "offset": 3}}
    found = read_state(write_state(STATE, lies))["a.weight"]
    np.testing.assert_array_equal(found, np.arange(3, 11).reshape(2, 4).T)


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, __import__, getattr, bytearray])
def test_a_call_of_anything_is_refused_and_not_made(write_state, tmp_path, function, protocol):
    path = tmp_path / "called"
    argument = {os.system: f"touch {path}", eval: f"open({str(path)!r}, 'w')", bytearray: 2**62}.get(function, "os")
    for value in (Call(function, argument), {"a": Call(function, argument)}):
        assert "refused" in refused(write_state(STATE, pickle=pickle.dumps(value, protocol)))
    assert not path.exists()


@pytest.mark.parametrize("looked_up", ["os system", "mil_tf.conversion.torch_file read_state", "torch load",
                                       "torch._utils _rebuild_parameter", "collections defaultdict"])
def test_a_name_alone_is_refused(write_state, steps, looked_up):
    reason = refused(write_state(STATE, pickle=b"\x80\x02" + steps["name"](looked_up) + b"."))
    assert repr(looked_up) in reason and "refused" in reason


def huge_pickles():
    yield "a bytearray", b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"."
    yield "bytes", b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"."
    yield "a text", b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"."
    yield "a place in the memo", b"\x80\x02}r" + struct.pack("<I", 2**31 - 1) + b"."
    yield "a frame", b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"."


@pytest.mark.parametrize("number, content", list(huge_pickles()))
def test_a_huge_claim_takes_no_memory(write_state, number, content):
    path = write_state(STATE, pickle=content)
    tracemalloc.start()
    try:
        if number == "a place in the memo":  # which is empty but for it, so that the rest is read
            assert read_state(path) == {}
        else:
            refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("lie", [
    {"shape": (2**30, 2**30), "strides": (0, 0)}, {"shape": (2**31 - 1,), "strides": (0,)}, {"shape": (25,), "strides": (1,)},
    {"shape": (24,), "strides": (2,)}, {"shape": (24,), "strides": (2**31 - 1,)}, {"offset": 1}, {"offset": 2**31 - 1},
    {"offset": -1}, {"shape": (-1, -24), "strides": (1, 1)}, {"shape": (2, 3, 4), "strides": (-12, -4, -1)},
    {"shape": (24,), "strides": ()}, {"shape": (2, 3, 4), "strides": (12, 4)}, {"count": 2**31 - 1}, {"count": 23},
    {"count": -24}, {"shape": (1,) * 70, "strides": (1,) * 70}, {"shape": (0, 2**31 - 1), "strides": (2**31 - 1, 1), "offset": 99},
])
def test_a_tensor_that_does_not_lie_within_its_storage_is_refused(write_state, lie):
    path = write_state(STATE, {"a.weight": lie})
    tracemalloc.start()
    try:
        assert "Expected" in refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("key", ["../../../etc/passwd", "/etc/passwd", "0/../0", "", "\u0661", "0\n"])
def test_the_key_of_a_storage_is_a_number(write_state, key):
    assert repr(key) in refused(write_state(STATE, {"a.weight": {"key": key}}))


def test_a_storage_that_is_not_there_is_named(write_state):
    assert "data/99" in refused(write_state(STATE, {"a.weight": {"key": "99"}}))


@pytest.mark.parametrize("kind", ["torch DoubleStorage", "torch HalfStorage", "torch QInt8Storage", "torch NoSuchStorage"])
def test_numbers_of_another_type_are_refused(write_state, kind):
    reason = refused(write_state(STATE, {"a.weight": {"kind": kind}}))
    assert kind in reason and "a.weight" in reason


def test_numbers_read_as_another_type_are_refused(write_state):
    assert "8 bytes" in refused(write_state(STATE, {"a.weight": {"kind": "torch LongStorage"}}))


def test_what_is_no_state_dict_is_refused(write_state, steps):
    text, named = steps["text"], steps["name"]
    for content in (b"\x80\x02}.", b"\x80\x02" + named("collections OrderedDict") + b")R."):
        assert read_state(write_state(STATE, pickle=content)) == {}
    assert "Expected a tensor as 'a'" in refused(write_state(STATE, pickle=b"\x80\x02}" + text("a") + b"K\x01s."))
    assert "table of tensors" in refused(write_state(STATE, pickle=b"\x80\x02K\x01."))
    nested = b"\x80\x02}" + text("model") + b"}" + text("a") + steps["rebuilt"]("0", STATE["a.weight"]) + b"ss."
    assert "Expected a tensor as 'model'" in refused(write_state(STATE, pickle=nested))


@pytest.mark.parametrize("content", [
    b"", b".", b"\x80\x02", b"\x80\x02R.", b"\x80\x02(t", b"\x80\x02h\x05.", b"\x80\x02u.", b"\x80\x02s.", b"\x80\x02t.",
    b"\x80\x02\x85.", b"\x80\x02Q.", b"\x80\x02b.", b"\x80\x02})b", b"\x80\x02}K\x01K\x02s.", b"\x80\x02}(X\x01\x00\x00\x00au.",
    b"\x80\x02)K\x01b.", b"\xff", b"\x80\x02\x82\x01.", b"\x80\x04\x8c\x02os\x8c\x06system\x93.", b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
    b"\x80\x02K\x01)R.", b"\x80\x02ccollections\nOrderedDict\n(K\x01tR.", b"\x80\x02K\x01Q.", b"\x80\x02)Q.",
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", b"\x80\x02]q\x00h\x00a.", b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
])
def test_a_broken_pickle_is_refused(write_state, content):
    refused(write_state(STATE, pickle=content))


def test_a_pickle_is_not_longer_than_any_network_needs(write_state):
    assert "at most" in refused(write_state(STATE, pickle=b"\x80\x02" + b"N" * walked.MOST))


def test_a_part_of_a_file_is_refused(write_state):
    path = write_state(STATE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        refused(path)


def test_a_damaged_file_is_refused_or_says_the_same(write_state):
    """Whatever a byte is turned to: a checksum, a name or a size no longer fits, or nothing depends on it."""
    path, rng = write_state(STATE), np.random.default_rng(0)
    whole = path.read_bytes()
    outcomes = set()
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            equal(read_state(path), STATE)
            outcomes.add("read")
        except StateError as error:
            assert len(str(error).splitlines()) == 1
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_older_layouts_are_told_apart(tmp_path):
    path = tmp_path / "old.pt"
    for content in (pickle.dumps(0x1950A86A20F9469CFC6C, 2), b"x" * 257 + b"ustar" + b"x" * 250):
        path.write_bytes(content)
        assert "an older layout" in refused(path)
    path.write_bytes(b"no archive")
    assert "an older layout" not in refused(path)


def test_the_layout_is_pytorchs(write_state, tmp_path):
    assert "version" in refused(write_state(STATE, entries={"version": None}))
    assert "version" in refused(write_state(STATE, entries={"version": b"11"}))
    assert "data.pkl" in refused(write_state(STATE, entries={"data.pkl": None}))
    assert "uncompressed" in refused(write_state(STATE, compression=zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(write_state(STATE), "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("state/version", b"3")
    assert "beside each other" in refused(tmp_path / "state.pt")


def test_files_that_cannot_be_opened_are_named(tmp_path):
    assert "cannot be read" in refused(tmp_path / "none.pt")
    assert "cannot be read" in refused(tmp_path)


def test_the_real_file_is_read(real):
    found = read_state(real)
    assert len(found) == 149 and sum(array.size for array in found.values()) > 100_000
    assert {array.dtype.name for array in found.values()} == {"float32", "int64"}
    assert all(np.isfinite(array).all() for array in found.values())
