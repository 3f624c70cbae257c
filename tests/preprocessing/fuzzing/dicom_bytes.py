"""DICOM files with damaged bytes, and in every transfer syntax."""

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from .series import Case, as_bytes, series, unchanged

FLIPS_OF_ONE, FLIPS_OF_ALL = 40, 28
SYNTAX = b"UI\x14\x001.2.840.10008.1.2.1\0"


def damaged():
    """Cases of the bytes."""
    whole = as_bytes(series()[0])
    start = whole.index(b"\xe0\x7f\x10\x00OW") + 12  # of the pixels
    random = np.random.default_rng(5)
    for number in range(FLIPS_OF_ONE):
        place, value = int(random.integers(128, start)), int(random.integers(1, 256))
        yield Case(f"flip-one-{number}", unchanged, of(2, flipped(place, value)), says=True, lost=(2,))
    for number in range(FLIPS_OF_ALL):
        place, value = int(random.integers(128, start)), int(random.integers(1, 256))
        yield Case(f"flip-all-{number}", unchanged, of(None, flipped(place, value)), says=True)
    for length in (0, 1, 131, 132, 140, 300, start - 12, start - 1, start, start + 1, start + 200, len(whole) - 1):
        yield Case(f"cut-one-{length}", unchanged, of(2, lambda content, n=length: content[:n]), lost=(2,))
        yield Case(f"cut-all-{length}", unchanged, of(None, lambda content, n=length: content[:n]), must="rejected")
    yield Case("more-bytes", unchanged, of(None, lambda content: content + b"more" * 50), must="right")
    yield Case("more-zeros", unchanged, of(None, lambda content: content + bytes(4000)), must="right")
    yield Case("no-preamble", unchanged, of(None, lambda content: content[132:]))
    alone = of(None, lambda content: content[content.index(b"\x08\0\x08\0CS") :])
    yield Case("no-preamble-nor-meta", unchanged, alone, must="right")
    yield Case("odd-preamble", unchanged, of(None, lambda content: b"II*\0" * 32 + content[128:]), must="right")
    other = of(None, lambda content: content[:128] + b"DICN" + content[132:])
    yield Case("no-magic", unchanged, other, must="rejected")
    for name, uid, must in (
        ("rle", "1.2.840.10008.1.2.5", "rejected"), ("big-endian", "1.2.840.10008.1.2.2", "rejected"),
        ("implicit", "1.2.840.10008.1.2", "either"), ("lossless", "1.2.840.10008.1.2.4.70", "rejected"),
        ("jpeg", "1.2.840.10008.1.2.4.50", "rejected"), ("jpeg-2000", "1.2.840.10008.1.2.4.90", "rejected"),
        ("video", "1.2.840.10008.1.2.4.102", "rejected"), ("deflated", "1.2.840.10008.1.2.1.99", "rejected"),
        ("unknown", "1.2.3.4", "either"),
    ):
        yield Case(f"syntax-lies-{name}", unchanged, of(None, syntax(uid)), must=must)
    yield Case("syntax-implicit", syntaxed(ImplicitVRLittleEndian), must="right")
    yield Case("syntax-big-endian", syntaxed(ExplicitVRBigEndian), must="right")
    yield Case("syntax-deflated", syntaxed(DeflatedExplicitVRLittleEndian), must="rejected")
    sequence, item, name = b"\x08\0\x40\x11SQ\0\0", b"\xfe\xff\x00\xe0", b"\x10\0\x10\0PN\x08\0Doe^John"
    for title, more in {
        "sequence-huge": sequence + b"\xf0\xff\xff\x7f", "sequence-open": sequence + b"\xff" * 4 + item + b"\xff" * 4,
        "sequence-endless": (sequence + b"\xff" * 4 + item + b"\xff" * 4) * 3000,
        "sequence-item-huge": sequence + b"\x10\0\0\0" + item + b"\xff\xff\xff\x7f" + bytes(8),
        "sequence-empty": sequence + bytes(4), "tag-huge": b"\x09\0\x01\x10OB\0\0\xf0\xff\xff\x7f",
        "tag-undefined": b"\x09\0\x01\x10OB\0\0\xff\xff\xff\xff", "vr-unknown": b"\x09\0\x01\x10ZZ\x02\0ab",
        "name-in-sequence": sequence + b"\x18\0\0\0" + item + b"\x10\0\0\0" + name,
        "zeros": bytes(64), "item-alone": item + bytes(4), "trailing-item": b"\xfe\xff\xdd\xe0" + bytes(4),
    }.items():
        yield Case(f"inserted-{title}", unchanged, of(None, inserted(more)))
        yield Case(f"inserted-once-{title}", unchanged, of(2, inserted(more)), lost=(2,))
    for title, position in {
        "again": b"-12.0\\-17.0\\99.0", "letters": b"a\\b\\c", "commas": b"-12,0\\-17,0\\4,0", "two": b"1\\2 ",
    }.items():
        position += b" " * (len(position) % 2)
        again = b"\x20\0\x32\0DS" + len(position).to_bytes(2, "little") + position
        yield Case(f"position-{title}", unchanged, of(2, inserted(again, b"\x20\0\x37\0DS")), lost=(2,))
    again = b"\x20\0\x37\0DS\x0e\0-1\\0\\0\\0\\-1\\0 "
    yield Case("orientation-again", unchanged, of(None, inserted(again, b"\x28\0\x02\0US")), says=True)
    again = b"\x28\0\x53\x10DS\x02\x003 "
    yield Case("slope-again", unchanged, of(None, inserted(again, b"\xe0\x7f\x10\0OW")), says=True)
    again = b"\x28\0\x11\0US\x02\0\x07\0"
    yield Case("columns-again", unchanged, of(None, inserted(again, b"\xe0\x7f\x10\0OW")), must="rejected")


def of(index, change):
    """A change of the bytes of one file, or of all for None."""
    return lambda place, content: change(content) if index in (None, place) else content


def flipped(place, value):
    return lambda content: content[:place] + bytes([content[place] ^ value]) + content[place + 1 :]


def inserted(more, before=b"\x10\0\x10\0PN"):
    return lambda content: content[: content.index(before)] + more + content[content.index(before) :]


def syntax(uid):
    """Another transfer syntax in the label alone."""
    text = uid.encode() + b"\0" * (len(uid) % 2)

    def change(content):
        before, after = content.split(SYNTAX)
        length = int.from_bytes(before[140:144], "little") + len(text) - 20
        meta = before[:140] + length.to_bytes(4, "little") + before[144:]
        return meta + b"UI" + len(text).to_bytes(2, "little") + text + after

    return change


def syntaxed(uid):
    def change(files):
        for one in files:
            one.file_meta.TransferSyntaxUID = uid
            if not uid.is_little_endian:
                one.PixelData = np.frombuffer(one.PixelData, "<i2").astype(">i2").tobytes()

    return change


def cases():
    """All of them."""
    return list(damaged())
