"""A walk over the protobuf wire format of a `tf.train.Example`, so that one feature can be read without the
others.

Example{1: Features{1: map entry{1: name, 2: Feature{1: bytes | 2: floats | 3: ints}}}}. Every level is a
length-delimited field, so the walk knows where each value lies from the lengths alone, and skips `instances`,
which may be hundreds of megabytes, with a seek. See https://protobuf.dev/programming-guides/encoding/ for the
format.
"""

from typing import NamedTuple

import numpy as np

KINDS = {1: "bytes", 2: "float", 3: "int64"}
DELIMITED = 2  # the only wire type of an Example whose numbers are packed
MAX_VARINT_BYTES = 10


class Damaged(Exception):
    """The bytes are not a record of this project; the reader adds which file and bag."""


class Span(NamedTuple):
    """Where a value's bytes lie in the file."""

    start: int
    length: int


class Feature(NamedTuple):
    """A feature's kind ("bytes", "float", "int64") and spans: one a value for bytes, at most one, packed, for
    numbers.
    """

    kind: str
    spans: list


def walk(file, start, end):
    """Returns {name: Feature} of the Example in bytes start..end of an open file; reads tags, lengths and
    names only.
    """
    features = {}
    for span in _delimited(file, start, end, 1):
        for entry in _delimited(file, span.start, span.start + span.length, 1):
            name, feature = _entry(file, entry)
            features[name] = feature
    return features


def read(file, span):
    """The bytes of a span; a file that ends before it raises Damaged."""
    file.seek(span.start)
    data = file.read(span.length)
    if len(data) != span.length:
        raise Damaged("the file ends inside the record")
    return data


def numbers(file, feature, dtype):
    """The values of a "float" or "int64" feature as a flat array."""
    data = read(file, feature.spans[0]) if feature.spans else b""
    if feature.kind == "float":
        if len(data) % 4:
            raise Damaged("a list of floats is cut")
        return np.frombuffer(data, "<f4").astype(dtype)
    return varints(data).astype(dtype)


def varints(data):
    """Decodes packed varints: 7 bits a byte, lowest first, the high bit set on all but the last."""
    raw = np.frombuffer(data, np.uint8)
    if not len(raw):
        return np.zeros(0, np.int64)
    last = np.flatnonzero(raw < 0x80)
    if not len(last) or last[-1] != len(raw) - 1:
        raise Damaged("a list of integers is cut")
    first = np.concatenate([[0], last[:-1] + 1])
    within = np.arange(len(raw)) - np.repeat(first, last - first + 1)
    if within.max() >= MAX_VARINT_BYTES:
        raise Damaged("an integer has more than 64 bits")
    parts = (raw & 0x7F).astype(np.uint64) << (7 * within).astype(np.uint64)
    return np.bitwise_or.reduceat(parts, first).astype(np.int64)


def _entry(file, entry):
    name, feature = None, None
    for field, span in _fields(file, entry.start, entry.start + entry.length):
        if field == 1:
            name = _text(read(file, span))
        elif field == 2:
            feature = _feature(file, span)
    if name is None or feature is None:
        raise Damaged("a feature has no name or no value")
    return name, feature


def _feature(file, span):
    fields = list(_fields(file, span.start, span.start + span.length))
    if len(fields) != 1 or fields[0][0] not in KINDS:
        raise Damaged("a feature is not a list of bytes, floats or integers")
    field, inner = fields[0]
    spans = _delimited(file, inner.start, inner.start + inner.length, 1)
    if KINDS[field] != "bytes" and len(spans) > 1:
        raise Damaged("a list of numbers is not packed in one piece")
    return Feature(KINDS[field], spans)


def _delimited(file, start, end, wanted):
    spans = []
    for field, span in _fields(file, start, end):
        if field != wanted:
            raise Damaged(f"field {field} is unknown")
        spans.append(span)
    return spans


def _fields(file, position, end):
    """Yields (field number, span) of each length-delimited field; nothing else is in an Example of ours."""
    while position < end:
        file.seek(position)
        tag, position = _varint(file, position, end)
        if tag & 7 != DELIMITED:
            raise Damaged(f"wire type {tag & 7} is unknown")
        length, position = _varint(file, position, end)
        if length > end - position:
            raise Damaged("a length points beyond the record's end")
        yield tag >> 3, Span(position, length)
        position += length


def _varint(file, position, end):
    value = 0
    for count, byte in enumerate(file.read(min(MAX_VARINT_BYTES, end - position))):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            file.seek(position + count + 1)
            return value, position + count + 1
    raise Damaged("the record is cut or its lengths are wrong")


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Damaged("a name is not UTF-8") from error
