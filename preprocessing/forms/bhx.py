"""BHX (Reis et al. 2020), bounding boxes on slices of CQ500: a row a box, `data` a dict as Python prints it.

    SOPInstanceUID,SeriesInstanceUID,StudyInstanceUID,data,labelName,labelType

x and y are the box's left and top edge in pixels of the DICOM image, whose first pixel covers 0 to 1, as viewers that
draw such boxes count. Boxes are drawn by hand, or extrapolated to the thin slices between those.
"""

import ast
import math
from typing import NamedTuple

COLUMNS = ("SOPInstanceUID", "data", "labelName", "labelType")
# `box_class` of a bag counts these, from 0; the first five in the order of RSNA's subtypes.
CLASSES = ("Epidural", "Intraparenchymal", "Intraventricular", "Subarachnoid", "Subdural", "Chronic")
BY_HAND = "handdrawn"
SIDES = ("x", "y", "width", "height")


class Box(NamedTuple):
    """A box on a slice.

    Attributes:
        name: the slice's.
        x, y, width, height: pixels of the DICOM image, in which pixel 0 covers 0 to 1.
        kind: its place in CLASSES.
        drawn: 1 by hand, 0 extrapolated.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    kind: int
    drawn: int


def boxes(table):
    """Yields (line, slice, series, Box, or the reason why the row is none) of every row."""
    for line, given in table:
        yield line, given["SOPInstanceUID"], given.get("SeriesInstanceUID", ""), _box(given)


def _box(given):
    names = [name.lower() for name in CLASSES]
    kind = given["labelName"].lower()
    if not given["SOPInstanceUID"]:
        return "the SOPInstanceUID is empty"
    if kind not in names:
        return f"labelName must be one of {', '.join(CLASSES)}, is {given['labelName']!r}"
    if given["data"].lower() in ("", "none", "nan", "null"):
        return "a label of a whole slice, without a box"
    sides = _sides(given["data"])
    if sides is None:
        return f"data must be x, y, width and height, is {given['data'][:60]!r}"
    return Box(given["SOPInstanceUID"], *sides, names.index(kind), int(given["labelType"].lower() == BY_HAND))


def _sides(text):
    try:
        data = ast.literal_eval(text)
        sides = [float(data[name]) for name in SIDES]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return None
    return sides if all(map(math.isfinite, sides)) and min(sides[2:]) > 0 else None
