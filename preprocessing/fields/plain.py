"""Plain image tables: an id, a file or one a channel, and one or several labels a field.

Columns: `id`; `path`, or `path_CHANNEL` for each; `label` with names parted by `;`, or `label_CLASS` of 0 and 1 for
each class; `patient` and those of `preprocessing.fields.rows.META` where known.
"""

from preprocessing.errors import UsageError
from preprocessing.fields.rows import META, Row, known, number

COLUMNS = ("id",)
PATH, LABEL, BETWEEN = "path", "label", ";"
NUMBERS = ("site", "replicate", "concentration")  # as a spreadsheet may write them: 1.0


def channels(columns):
    """The names of the channels, in the table's order; [] where one file has them all."""
    return [name.removeprefix(f"{PATH}_") for name in columns if name.startswith(f"{PATH}_")]


def check(path, columns):
    """Raises UsageError where a table has no file, no label, or two kinds of either."""
    for name, what in ((PATH, "channel"), (LABEL, "class")):
        several = any(column.startswith(f"{name}_") for column in columns)
        if several == (name in columns):
            raise UsageError(
                f"{path}: Expected a column {name}, or one {name}_... for each {what}. Received: {','.join(columns)}."
            )


def classes(columns):
    """The names of classes that have a column, [] where one column names them all."""
    return [name.removeprefix(f"{LABEL}_") for name in columns if name.startswith(f"{LABEL}_")]


def rows(table, channels, labels=True):
    """Yields a Row for each of `preprocessing.labels.read_table`'s.

    Args:
        table: (line, {column: value}) of each row.
        channels: names that have a column, in the wanted order, or [].
        labels: whether a field needs one.
    """
    for line, row in table:
        files = tuple(row[f"{PATH}_{name}"] for name in channels) or (row[PATH],)
        meta = _meta(row)
        plate_well = "_".join(meta[name] for name in ("plate", "well")) if meta["plate"] and meta["well"] else ""
        found, reason = _classes(row) if labels else ((), "")
        reason = "the id is empty" if not row["id"] else "no path" if not all(files) else reason
        patient = row.get("patient") or plate_well or row["id"]
        yield Row(row["id"], files, found, patient, known(meta), f"{reason} (line {line})" if reason else "")


def _meta(row):
    meta = {name: number(row.get(name, "")) if name in NUMBERS else row.get(name, "") for name in META}
    if not meta["treatment"] and meta["compound"]:
        meta["treatment"] = f"{meta['compound']} {meta['concentration']}".strip()
    return meta


def _classes(row):
    """(names of classes, why they are none or "")."""
    if LABEL in row:
        names = tuple(dict.fromkeys(name.strip() for name in row[LABEL].split(BETWEEN) if name.strip()))
        return names, "" if names else "the label is empty"
    given = {name: number(row[f"{LABEL}_{name}"]) for name in classes(row)}
    wrong = next((name for name, value in given.items() if value not in ("0", "1")), None)
    if wrong is not None:
        return (), f"{LABEL}_{wrong} must be 0 or 1, is {given[wrong]!r}"
    return tuple(name for name, value in given.items() if value == "1"), ""
