"""Tables of cells: where they are in their fields, and of which class where that is known. For evaluation only.

Columns id,y,x[,label]: the field, row and column in pixels of its image from 0, and a class's name.
"""

import collections

from preprocessing.errors import UsageError
from preprocessing.labels import read_columns, read_table

COLUMNS = ("id", "y", "x")
UNKNOWN = -1


def read(path, ids, classes):
    """Returns ({id: [(y, x, class index or -1)]}, [(id, path, reason)] of rows that are none, [lines to tell]).

    Raises UsageError where the table cannot be read, or has none of the fields.

    Args:
        path: of the table.
        ids: of the fields.
        classes: their names, in order.
    """
    if not set(COLUMNS) <= set(read_columns(path)):
        raise UsageError(f"--cells: Expected columns {','.join(COLUMNS)}[,label]. Received: {path}, without.")
    index = {name: place for place, name in enumerate(classes)}
    found, bad, others, strange = collections.defaultdict(list), [], set(), collections.Counter()
    for line, row in read_table(path):
        place = _place(row)
        if row["id"] not in ids:
            others.add(row["id"])
        elif place is None:
            reason = f"cells: y and x must be numbers, are {row['y']!r}, {row['x']!r} (line {line})"
            bad.append((row["id"], str(path), reason))
        else:
            label = row.get("label", "")
            strange[label] += bool(label) and label not in index
            found[row["id"]].append((*place, index.get(label, UNKNOWN)))
    if not found:
        raise UsageError(f"--cells: Expected ids of the fields, such as {min(ids)!r}. Received: {path}, with none.")
    return dict(found), bad, _told(path, others, +strange)


def _place(row):
    try:
        place = float(row["y"]), float(row["x"])
    except ValueError:
        return None
    return place if all(abs(side) < float("inf") for side in place) else None


def _told(path, others, strange):
    told = []
    if others:
        told.append(f"{len(others)} ids in {path} are of no field here, such as {min(others)!r}")
    if strange:
        told.append(f"{strange.total()} cells have a label that is no class, such as {min(strange)!r}: unknown")
    return told
