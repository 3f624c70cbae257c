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
        scans.setdefault(scan_id(given["id"]), []).append((line, _label(given["type"])))
    for id, some in scans.items():
        values = [label for _, label in some]
        wrong = next((value for value in values if value not in ("0", "1", UNKNOWN)), None)
        yield Row(some[0][0], id, ("1" if "1" in values else "0") if wrong is None else wrong)


def slices(table):
    """Yields (line, id, source index, label) of every slice, the last two as strings."""
    for line, given in table:
        yield line, given["id"], given["source_index"], _label(given["type"])


def types(table):
    """Yields (line, id, source index, [its types], None where unknown, or a reason) of every slice."""
    for line, given in table:
        label, names = _label(given["type"]), _names(given["type"])
        found = None if label == UNKNOWN else names
        if label not in ("0", "1", UNKNOWN):
            found = f"type must be of {', '.join(SUBTYPES)}, joined by +, is {given['type']!r}"
        yield line, given["id"], given["source_index"], found


def _label(text):
    names = _names(text)
    if text == UNKNOWN or not names:
        return text or "0"
    return "1" if set(names) <= set(SUBTYPES) else text


def _names(text):
    return [name.strip().lower() for name in text.split("+")] if text else []
