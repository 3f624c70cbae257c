"""Label tables: `id,label[,patient]` for scans, `id,source_index,label` for slices, and those of `preprocessing.forms`.

One bad row never stops a job: it is listed with its reason. Only a table that cannot be read at all, or lacks
a column, is a UsageError.
"""

import contextlib
import csv
from typing import NamedTuple

from preprocessing import bleeds
from preprocessing.errors import UsageError
from preprocessing.forms import cq500, ct_ich, plain, rsna, rsna_wide, scores, slice_table, slice_types
from preprocessing.ids import scan_id

FORMS, SLICE_FORMS = (plain, cq500, ct_ich, scores, slice_types), (slice_table, ct_ich, slice_types)
TYPE_FORMS = (slice_types, ct_ich)  # of slices' types of bleed
NAMED_FORMS = (rsna, rsna_wide)  # of slices by their own names, see `preprocessing.named`


class Label(NamedTuple):
    """One scan's row: its label, its patient ("" where the table names none), and the other columns as strings."""

    label: int
    patient: str
    meta: dict


def read_labels(path, masks=None):
    """Returns ({id: Label}, [(id, path, reason) of each row that is none]).

    Args:
        path: a table of any of the FORMS.
        masks: {id: [paths]} of the scans' masks, for forms whose rules ask for a lesion's volume.
    """
    found, rejected = {}, []
    for row in form_of(path, FORMS).rows(read_table(path), masks):
        id = scan_id(row.id)
        reason = _problem(id, row.label, "label") or row.excluded
        if reason:
            rejected.append((id, str(path), f"{reason} (line {row.line})"))
        found.setdefault(id, []).append(None if reason else Label(int(row.label), row.patient, row.meta))
    repeated = [id for id, rows in found.items() if len(rows) > 1 and id]
    rejected += [
        (id, str(path), f"duplicate id: {len(found[id])} rows in the label table") for id in repeated
    ]
    return {id: rows[0] for id, rows in found.items() if len(rows) == 1 and rows[0]}, rejected


def aliases(path, ids):
    """{another name of a scan: its id in the table}, where the table's form knows of such."""
    of = getattr(form_of(path, FORMS), "aliases", None)
    return {alias: id for id in ids for alias in of(id)} if of else {}


def read_slice_labels(path):
    """Returns ({id: {source index: 0, 1 or -1 for unknown}}, {id: why its rows are no truth})."""
    rows = form_of(path, SLICE_FORMS).slices(read_table(path))
    return _by_index(rows, lambda id, label: _problem(id, label, "slice label", ("0", "1", "-1")), int)


def read_slice_types(path):
    """Returns ({id: {source index: (5,) of 1, 0 or -1 for unknown}}, {id: why its rows are no truth}), in the order of
    `bleeds.CLASSES`.
    """
    rows = form_of(path, TYPE_FORMS).types(read_table(path))
    return _by_index(rows, _type_problem, lambda names: bleeds.UNKNOWN if names is None else bleeds.of_names(names))


def _by_index(rows, problem, value):
    """({id: {source index: value(label)}}, {id: why}) of rows (line, id, source index, label)."""
    found, bad = {}, {}
    for line, id, index, label in rows:
        id = scan_id(id)
        reason = problem(id, label)
        if not index.isdecimal():
            reason = f"source_index must be a whole number, is {index!r}"
        elif int(index) in found.get(id, {}):
            reason = f"slice {index} is labelled twice"
        if reason:
            bad.setdefault(id, f"slice truth: {reason} (line {line})")
        else:
            found.setdefault(id, {})[int(index)] = value(label)
    return found, bad


def is_of(path, forms):
    """Whether a table is of one of the forms. Raises UsageError where it cannot be read."""
    return _fitting(read_columns(path), forms) is not None


def form_of(path, forms):
    """The form of a table, by its columns. Raises UsageError where it has none."""
    names = read_columns(path)
    found = _fitting(names, forms)
    if found is None:
        others = ", ".join(form.__name__.rpartition(".")[2] for form in forms[1:])
        raise UsageError(
            f"{path}: Expected columns {','.join(forms[0].COLUMNS)}, separated by commas, or those of another known "
            f"form ({others}). Received: {','.join(names)!r}."
        )
    return found


def read_columns(path):
    """The names of a table's columns. Raises UsageError where it cannot be read."""
    with _csv(path) as (columns, _):
        return columns


def read_table(path):
    """Yields (line number, {column: stripped value}) of a CSV file; columns without a name are left out."""
    columns = read_columns(path)
    for line, row in read_rows(path):
        yield line, {name: value for name, value in zip(columns, row) if name}


def read_rows(path):
    """Yields (line number, [stripped values], one a column) of a CSV file, with or without a byte order mark, with
    any line ends. Raises UsageError where the file cannot be read.
    """
    with _csv(path) as (columns, reader):
        for row in reader:
            if row:
                missing = [""] * (len(columns) - len(row))
                yield reader.line_num, [value.strip() for value in row] + missing


@contextlib.contextmanager
def _csv(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(filter(None, reader), [])
            # A header cell may have line breaks, as those of CT-ICH's demographics.
            yield [" ".join(name.split()) for name in header], reader
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: Expected a CSV table in UTF-8. Received: {reason}.") from error


def _fitting(columns, forms):
    for form in forms:
        one_of = getattr(form, "ONE_OF", columns)
        if set(form.COLUMNS) <= set(columns) and not set(one_of).isdisjoint(columns):
            return form
    return None


def _type_problem(id, names):
    return "the id is empty" if not id else names if isinstance(names, str) else None


def _problem(id, label, what, allowed=("0", "1")):
    if not id:
        return "the id is empty"
    return None if label in allowed else f"{what} must be {' or '.join(allowed)}, is {label!r}"
