"""`id,source_index,type`: this project's own form of slices' types of bleed.

The type is a name of `forms.rsna.SUBTYPES` or several joined by `+`, nothing for a slice without blood, and -1 where
it is not known.
"""

from preprocessing.forms import Row
from preprocessing.forms.rsna import SUBTYPES
from preprocessing.ids import scan_id

COLUMNS = ("id", "source_index", "type")
UNKNOWN = "-1"


def rows(table, masks=None):
    """Yields a Row a scan, which bleeds where a slice does."""
    scans = {}
    for line, given in table:
        scans.setdefault(scan_id(given["id"]), []).append((line, given["type"]))
    for id, some in scans.items():
        wrong = next((_wrong(text) for _, text in some if _wrong(text)), "")
        yield Row(some[0][0], id, str(int(any(_label(text) == "1" for _, text in some))), excluded=wrong)


def slices(table):
    """Yields (line, id, source index, label) of every slice, the last two as strings."""
    for line, given in table:
        text = given["type"]
        yield line, given["id"], given["source_index"], text if _wrong(text) else _label(text)


def types(table):
    """Yields (line, id, source index, [its types], None where unknown, or a reason) of every slice."""
    for line, given in table:
        text = given["type"]
        yield line, given["id"], given["source_index"], _wrong(text) or (None if text == UNKNOWN else _names(text))


def _label(text):
    return UNKNOWN if text == UNKNOWN else str(int(bool(text)))


def _wrong(text):
    """Why a type is none, or ""."""
    if text == UNKNOWN or set(_names(text)) <= set(SUBTYPES):
        return ""
    return f"type must be of {', '.join(SUBTYPES)}, joined by +, is {text!r}"


def _names(text):
    return [name.strip().lower() for name in text.split("+")] if text else []
