"""Label tables: `id,label[,patient]` for scans, `id,source_index,label` for slices.

One bad row never stops a job: it is listed with its reason. Only a table that cannot be read at all, or lacks
a column, is a UsageError.
"""

import csv
from typing import NamedTuple

from preprocessing.errors import UsageError

SUFFIXES = (".nii.gz", ".nii")
WHOLE = {"0.0": "0", "1.0": "1"}  # as pandas and spreadsheets write a column that has gaps


class Label(NamedTuple):
    """One scan's row: its label, its patient ("" where the table names none), and the other columns as strings."""

    label: int
    patient: str
    meta: dict


def scan_id(name):
    """A file name, or an id that someone wrote with its suffix, as an id."""
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def read_labels(path):
    """Returns ({id: Label}, [(id, path, reason) of each bad row])."""
    found, rejected = {}, []
    for line, row in read_table(path, ("id", "label")):
        id = scan_id(row.pop("id"))
        row["label"] = WHOLE.get(row["label"], row["label"])
        reason = _problem(id, row["label"], "label")
        if reason:
            rejected.append((id, str(path), f"{reason} (line {line})"))
            found.setdefault(id, []).append(None)
        else:
            found.setdefault(id, []).append(_label(id, row))
    repeated = [id for id, rows in found.items() if len(rows) > 1 and id]
    rejected += [
        (id, str(path), f"duplicate id: {len(found[id])} rows in the label table") for id in repeated
    ]
    return {id: rows[0] for id, rows in found.items() if len(rows) == 1 and rows[0]}, rejected


def read_slice_labels(path):
    """Returns ({id: {source index: 0, 1 or -1 for unknown}}, {id: why its rows are no truth})."""
    found, bad = {}, {}
    for line, row in read_table(path, ("id", "source_index", "label")):
        id, index = scan_id(row["id"]), row["source_index"]
        reason = _problem(id, row["label"], "slice label", ("0", "1", "-1"))
        if not index.isdecimal():
            reason = f"source_index must be a whole number, is {index!r}"
        elif int(index) in found.get(id, {}):
            reason = f"slice {index} is labelled twice"
        if reason:
            bad.setdefault(id, f"slice truth: {reason} (line {line})")
        else:
            found.setdefault(id, {})[int(index)] = int(row["label"])
    return found, bad


def read_table(path, columns):
    """Yields (line number, {column: stripped value}) of a CSV file, with or without a byte order mark, with
    any line ends.

    Raises UsageError where the file cannot be read or lacks a column.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            names = [(name or "").strip() for name in reader.fieldnames or ()]
            missing = [name for name in columns if name not in names]
            if missing:
                raise UsageError(
                    f"{path}: Expected columns {','.join(columns)}, separated by commas. "
                    f"Received: {','.join(names)!r}."
                )
            reader.fieldnames = names
            for row in reader:
                yield reader.line_num, {name: value.strip() for name, value in row.items() if name}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: Expected a CSV table in UTF-8. Received: {reason}.") from error


def _label(id, row):
    patient = row.pop("patient", "")
    label = int(row.pop("label"))
    return Label(label, patient, {name: value for name, value in row.items() if value})


def _problem(id, label, what, allowed=("0", "1")):
    if not id:
        return "the id is empty"
    return None if label in allowed else f"{what} must be {' or '.join(allowed)}, is {label!r}"
