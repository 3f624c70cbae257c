"""Label tables of slices by their own names, as RSNA's: what they say of the scans that hold those slices.

The genuine table has 4,516,842 rows. They are read once, one after another, and no more is kept than two numbers for
each slice of a scan.
"""

from typing import NamedTuple

from preprocessing import bleeds
from preprocessing.errors import UsageError
from preprocessing.forms.rsna import ANY, SUBTYPES
from preprocessing.labels import NAMED_FORMS, Label, form_of, read_columns, read_rows

BITS = {finding: 1 << place for place, finding in enumerate((ANY, *SUBTYPES))}


class Truth(NamedTuple):
    """What a table says of the scans.

    Attributes:
        labels: {id: Label}; a scan is positive where a slice is.
        slices: {id: {name of the slice: 0, 1, or -1 where the table has no row of it; or (5,) of these}}.
        bad: {id: why its rows are no truth}.
        others: the number of rows of slices that no scan has.
    """

    labels: dict
    slices: dict
    bad: dict
    others: int


def read(path, scans, types=False):
    """Returns the Truth of a table.

    Args:
        path: a table of one of `labels.NAMED_FORMS`.
        scans: {id: [names of its slices]}.
        types: whether a slice's truth is that of each of its types, (5,) in the order of `bleeds.CLASSES`.

    Raises:
        UsageError: the table cannot be read, or names none of these slices.
    """
    known = {name: [0, 0] for names in scans.values() for name in names if name}
    wrong, others, example = {}, 0, "nothing"
    for line, name, finding, value in form_of(path, NAMED_FORMS).findings(read_columns(path), read_rows(path)):
        if name not in known:
            others, example = others + 1, name
        elif reason := _noted(known[name], finding, value):
            wrong.setdefault(name, f"slice {name}: {reason} (line {line})")
    if not wrong and not any(given for given, _ in known.values()):
        raise UsageError(
            f"{path}: Expected names of the scans' slices, such as {next(iter(known), 'their SOPInstanceUID')!r}. "
            f"Received: {example!r}."
        )
    return _truth(scans, known, wrong, _types if types else _label)._replace(others=others)


def _noted(marks, finding, value):
    """Sets the finding's bits in [given, positive]. Returns why it cannot."""
    bit = BITS.get(finding)
    if bit is None:
        return f"expected one of {', '.join(BITS)}, is {finding!r}"
    if value not in ("0", "1"):
        return f"{finding} must be 0 or 1, is {value!r}"
    positive = bit if value == "1" else 0
    if marks[0] & bit and marks[1] & bit != positive:
        return f"{finding} is 0 and 1"
    marks[0] |= bit
    marks[1] |= positive
    return ""


def _truth(scans, known, wrong, of):
    found = Truth({}, {}, {}, 0)
    for id, names in scans.items():
        reasons = [wrong[name] for name in names if name in wrong]
        slices = {name: _label(*known[name]) for name in names if name}
        if reasons:
            found.bad[id] = reasons[0]
        elif any(label >= 0 for label in slices.values()):
            positive = [known[name][1] for name in slices]
            types = ",".join(finding for finding in SUBTYPES if any(bits & BITS[finding] for bits in positive))
            found.slices[id] = slices if of is _label else {name: of(*known[name]) for name in slices}
            found.labels[id] = Label(int(1 in slices.values()), "", {"types": types} if types else {})
    return found


def _types(given, positive):
    """1, 0, or -1 of each subtype; all are 0 where `any` is, and unknown where it is 1 and none of them is."""
    if _label(given, positive) == 0:
        return (0,) * len(SUBTYPES)
    if not any(positive & BITS[name] for name in SUBTYPES):
        return bleeds.UNKNOWN
    return tuple(int(bool(positive & BITS[name])) if given & BITS[name] else -1 for name in SUBTYPES)


def _label(given, positive):
    """`any` where the table has it, else the largest of the others; -1 without a row."""
    if not given:
        return -1
    asked = BITS[ANY] if given & BITS[ANY] else ~0
    return int(bool(positive & asked))
