"""Label tables of one scan, `a`, in every state in which spreadsheets and disks leave them."""

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A table.

    Attributes:
        name: of the case.
        content: its bytes.
        label: what the scan's label is, where the table can be used; None where it cannot, "either" where a reader may
            do so or not.
    """

    name: str
    content: bytes
    label: int | str | None


GOOD = "id,label\na,1\n"
COLUMNS = 100_000


def cases():
    """All of them."""
    many = [f"c{number}" for number in range(COLUMNS)]
    found = {
        "good": (GOOD, 1), "crlf": ("id,label\r\na,1\r\n", 1), "cr": ("id,label\ra,1\r", "either"),
        "no-line-end": ("id,label\na,1", 1), "blank-lines": ("\n\nid,label\n\n\na,1\n\n", 1),
        "spaces": (" id , label \n a , 1 \n", 1), "quotes": ('"id","label"\n"a","1"\n', 1),
        "mark": (GOOD.encode("utf-8-sig"), 1), "utf-16": (GOOD.encode("utf-16"), None),
        "utf-32": (GOOD.encode("utf-32"), None), "latin-1": ("id,label,site\na,1,K\u00f6ln\n".encode("latin-1"), None),
        "nul-bytes": (b"id,label\na,1\0\n", None), "nul-alone": (bytes(100), None), "empty": ("", None),
        "header-alone": ("id,label\n", None), "semicolons": ("id;label\na;1\n", None),
        "tabs": ("id\tlabel\na\t1\n", None),
        "open-quote": ('id,label\na,"1\nb,0\n', None), "open-quote-in-header": ('id,"label\na,1\n', None),
        "open-quote-behind": ('id,label\na,1\nb,"0\n', 1), "stray-quote": ('id,label\na,1"\n', None),
        "columns-twice": ("id,label,label\na,1,0\n", "either"), "columns-missing": ("id\na\n", None),
        "columns-many": (",".join(["id", "label", *many]) + "\na,1" + ",x" * COLUMNS + "\n", 1),
        "columns-many-of-nothing": (",".join(["id", "label", *many]) + "\na,1\n", 1),
        "cells-more": ("id,label\na,1,2,3\n", 1), "cells-fewer": ("id,label\na\n", None),
        "cell-long": ("id,label,note\na,1," + "x" * 200_000 + "\n", None),
        "rows-twice": ("id,label\na,1\na,1\n", None),
        "rows-of-others": (GOOD + "".join(f"s{number},0\n" for number in range(2000)), 1),
        "label-real": ("id,label\na,1.0\n", 1), "label-half": ("id,label\na,0.5\n", None),
        "label-nan": ("id,label\na,nan\n", None),
        "label-two": ("id,label\na,2\n", None), "label-padded": ("id,label\na,01\n", None),
        "label-wide": ("id,label\na,\uff11\n", None), "label-word": ("id,label\na,TRUE\n", None),
        "id-with-suffix": ("id,label\na.nii,1\n", 1), "id-upwards": ("id,label\n../scans/a,1\n", None),
        "id-upper": ("id,label\nA,1\n", None), "id-empty": ("id,label\n,1\n", None),
    }
    for name, (content, label) in found.items():
        yield Case(name, content if isinstance(content, bytes) else content.encode(), label)
    random = np.random.default_rng(3)
    for number in range(6):
        yield Case(f"noise-{number}", random.bytes(1000), None)
    for number in range(12):
        content = bytearray(GOOD.encode() + b"b,0\n")
        content[random.integers(0, len(content))] ^= int(random.integers(1, 256))
        yield Case(f"flipped-{number}", bytes(content), "either")
