"""The framing of a TFRecord: uint64 length, masked CRC32C of it, the data, masked CRC32C of the data.

TensorFlow writes the shards; they are read here without it, so that one record can be found by its offset,
streamed and checked.
"""

import os
import struct

import google_crc32c

from tfrecords.wire import Damaged, Span, read

HEADER_BYTES = 12
FRAMING_BYTES = 16
CHUNK_BYTES = 1 << 20
CRC_MASK = (
    0xA282EAD8  # TensorFlow's tsl/lib/hash/crc32c.h: a CRC stored beside its data is rotated and shifted
)


def masked(crc):
    """The form in which TFRecords store a CRC32C."""
    return (((crc >> 15) | (crc << 17)) + CRC_MASK) & 0xFFFFFFFF


def data_span(file, offset, length=None):
    """The span of a record's data; `length` is that of the whole framed record if known.

    Raises Damaged where the header is cut, fails its checksum, or tells another length.
    """
    header = read(file, Span(offset, HEADER_BYTES))
    size, crc = struct.unpack("<QI", header)
    if masked(google_crc32c.value(header[:8])) != crc:
        raise Damaged("the checksum of its length does not match")
    if length is not None and size + FRAMING_BYTES != length:
        raise Damaged(f"it is {size + FRAMING_BYTES} bytes long, bags.csv says {length}")
    if offset + size + FRAMING_BYTES > os.fstat(file.fileno()).st_size:
        raise Damaged("the file ends inside the record")
    return Span(offset + HEADER_BYTES, size)


class Checksum:
    """Follows the reading of a record's data from its start to its end, and compares at the end."""

    def __init__(self, file, span):
        self.file, self.span = file, span
        self.position, self.crc = span.start, 0

    def take(self, length):
        """Reads the next `length` bytes."""
        data = read(self.file, Span(self.position, length))
        self.position += length
        self.crc = google_crc32c.extend(self.crc, data)
        return data

    def skip_to(self, position):
        """Reads up to `position` and keeps nothing."""
        while self.position < position:
            self.take(min(CHUNK_BYTES, position - self.position))

    def finish(self):
        """Reads the rest; raises Damaged where the checksum does not match."""
        end = self.span.start + self.span.length
        self.skip_to(end)
        (stored,) = struct.unpack("<I", read(self.file, Span(end, 4)))
        if stored != masked(self.crc):
            raise Damaged("checksum does not match")


def spans(file):
    """Yields (offset, whole length) of each record of an open shard by its framing; raises Damaged where that
    breaks.
    """
    offset, end = 0, os.fstat(file.fileno()).st_size
    while offset < end:
        length = data_span(file, offset).length + FRAMING_BYTES
        yield offset, length
        offset += length
