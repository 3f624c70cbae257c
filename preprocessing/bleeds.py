"""Types of bleed, slice by slice (parida2021): from masks of class ids, or binary masks and a table, or a table alone.

A mask with class ids (`mask_classes` names what 1, 2, ... mean) tells the types itself. A binary mask, as PhysioNet
CT-ICH's, says where blood is and the table of which type; where the table names several types of a slice, they cannot
be told apart in it. "last" then gives all of its blood the type that comes last in CT-ICH's columns. That is how the
paper counts: of CT-ICH's 318 bleeding slices 25 have several types, and this rule makes the 173, 60, 13, 16 and 56
slices of the paper's Table 2 out of the table's 173, 73, 24, 18 and 56. "leave-out" leaves such slices out. A slice's
label has all of its types in either case.
"""

from typing import Any, NamedTuple

import numpy as np

from preprocessing.errors import ScanError, UsageError
from preprocessing.forms import ct_ich, rsna

CLASSES = rsna.SUBTYPES  # the order of labels; a mask has 1 + the place in it
PRECEDENCE = tuple(name.lower() for name in ct_ich.TYPES)  # the last one that a slice has is its mask's
SEVERAL = ("last", "leave-out")
HALF = 128  # of 255: CT-ICH's masks were JPEG files once, and have greys at their edges
UNKNOWN = (-1,) * len(CLASSES)


class Reading(NamedTuple):
    """How masks are read.

    Attributes:
        mask_classes: names of CLASSES, what the values 1, 2, ... of a mask mean; () where masks are binary.
        several: one of SEVERAL.
        masks: whether this data set has masks, so that a scan labelled 0 has an empty one.
    """

    mask_classes: tuple = ()
    several: str = SEVERAL[0]
    masks: bool = False


class Typed(NamedTuple):
    """What is known of a scan's slices.

    Attributes:
        mask: uint8 (n, h, w), 0 or 1 + the place in CLASSES; or None.
        truth: int64 (n, 5), 1, 0 or -1 unknown, in the order of CLASSES.
        left_out: {slice: why its mask and the table cannot both be taken}; their truth is unknown.
    """

    mask: Any
    truth: Any
    left_out: dict

    @property
    def label(self):
        """The scan's label (5,): 1 where a slice has the type, 0 where all slices are known not to."""
        found = self.truth.max(axis=0)
        return np.where((found == 0) & (self.truth < 0).any(axis=0), -1, found)


def mask_classes(text):
    """Returns the names in `epidural,subdural,...` as a tuple. Raises UsageError where one is no type, or is twice."""
    names = tuple(name.strip().lower() for name in text.split(","))
    if not set(names) <= set(CLASSES) or len(set(names)) < len(names):
        raise UsageError(f"--mask-classes: Expected some of {','.join(CLASSES)}, each once. Received: {text!r}.")
    return names


def of_names(names):
    """Returns the label (5,) of a slice with the types of these names, as a tuple of 0 and 1."""
    return tuple(int(name in names) for name in CLASSES)


def typed(mask, shape, label, table, reading):
    """Returns a scan's `Typed`.

    Args:
        mask: uint8 (n, h, w) as in the file, or None.
        shape: (n, h, w) of the scan.
        label: of the scan, 0 or 1; None is unknown.
        table: {slice: (5,) of 1, 0 or -1} or None.
        reading: Reading.

    Raises:
        ScanError: the mask has values that mean nothing.
    """
    given = np.full((shape[0], len(CLASSES)), 0 if label == 0 else -1, np.int64)
    table = {index: np.array(row) for index, row in (table or {}).items()}
    if mask is None:
        for index, row in table.items():
            given[index] = row
        return Typed(np.zeros(shape, np.uint8) if reading.masks and label == 0 else None, given, {})
    if reading.mask_classes:
        return _by_ids(_renumbered(mask, reading.mask_classes), table)
    return _by_table(_binary(mask), table, reading.several)


def _renumbered(mask, names):
    most = int(mask.max(initial=0))
    if most > len(names):
        raise ScanError(f"mask: expected class ids 0 to {len(names)} ({', '.join(names)}), has {most}")
    return np.array([0, *(1 + CLASSES.index(name) for name in names)], np.uint8)[mask]


def _binary(mask):
    values = np.unique(mask)
    if values[-1] <= 1:
        return mask > 0
    if values[-1] < HALF:
        raise ScanError(
            f"mask: expected 0 and 1, or 0 and 255, has {', '.join(map(str, values[:8]))}; "
            "--mask-classes names class ids"
        )
    return mask >= HALF


def _by_ids(mask, table):
    truth = np.array([[(one == 1 + place).any() for place in range(len(CLASSES))] for one in mask]).astype(np.int64)
    left_out = {}
    for index, row in table.items():
        if (row >= 0).all() and (row != truth[index]).any():
            left_out[index] = f"{told(truth[index])} in the mask, {told(row)} in the table"
        if (row != truth[index]).any():
            truth[index] = UNKNOWN
    return Typed(mask, truth, left_out)


def _by_table(blood, table, several):
    bleeds = blood.any(axis=(1, 2))
    mask, truth, left_out = blood.astype(np.uint8), np.zeros((len(blood), len(CLASSES)), np.int64), {}
    for index in range(len(blood)):
        row = table.get(index, np.array(UNKNOWN if bleeds[index] else of_names(())))
        truth[index] = row
        reason = _against(bleeds[index], row, several)
        if reason:
            left_out[index], truth[index] = reason, UNKNOWN
        elif bleeds[index] and (row >= 0).all():
            mask[index] *= 1 + CLASSES.index(_last(row))
    return Typed(mask, truth, left_out)


def _against(bleeds, row, several):
    """Why a slice of a binary mask cannot have the row's types, or ""."""
    if (row < 0).any():
        return "blood in the mask, no type in the table" if bleeds else ""
    if bleeds and not row.any():
        return "blood in the mask, none by the table"
    if not bleeds and row.any():
        return f"no blood in the mask, {told(row)} in the table"
    return "several types in a binary mask" if row.sum() > 1 and several == "leave-out" else ""


def _last(row):
    return max((name for name, value in zip(CLASSES, row) if value), key=PRECEDENCE.index)


def told(row):
    """The names of a label (5,), joined by `+`, or "none"."""
    return "+".join(name for name, value in zip(CLASSES, row) if value == 1) or "none"
