"""The tables of a run's points and of how they meet boxes: `points-<name>.csv` and `located-<name>.csv`.

Beside every slice's counts stand those of the simplest detector there is: one point in the middle of each slice that is
called positive. What it hits is no achievement of a map.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mil_tf import runs
from mil_tf.evaluation.columns import (
    TableError,
    line_of,
    numbers,
    read_columns,
    refuse,
    refuse_duplicates,
    truths,
    whole_numbers,
)
from mil_tf.localization.scoring import count, inside

POINTS = ("id", "patient", "row", "column", "value", "in_box")
COUNTS = ("tp", "fp", "fn")
MIDDLE = tuple(f"middle_{name}" for name in COUNTS)
LOCATED = ("id", "patient", "y_true", "boxes", *COUNTS, "used", *MIDDLE)
USES = ("tune", "test")


class Slice(NamedTuple):
    """What is written of a slice.

    `shape` is (h, w) of the slice, `map2d` the network's map (h', w'), `boxes` (k, 4) or None where they are not known.
    """

    id: str
    patient: str
    y_true: int
    shape: tuple
    map2d: Any
    probability: float
    boxes: Any


@dataclass(frozen=True, eq=False)
class Points:
    """One row a point, all of shape (m,): `id` of its slice, row and column in pixels, the map's value, `in_box`.

    `in_box` is int64 0/1, UNKNOWN (-1) where the slice's boxes are not known.
    """

    path: Path
    id: np.ndarray
    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    in_box: np.ndarray


@dataclass(frozen=True, eq=False)
class Located:
    """One row a slice whose boxes are known: `counts` and `middle` int64 (n, 3) are tp, fp, fn, the others (n,).

    `used` is "tune" or "test"; `middle` is of a point in the middle, None where the table has none.
    """

    path: Path
    id: np.ndarray
    patient: np.ndarray
    y_true: np.ndarray
    boxes: np.ndarray
    counts: np.ndarray
    used: np.ndarray
    middle: np.ndarray | None = None


def write_points(folder, name, slices, detector, only_positive=False, used=None):
    """Finds the points of slices and writes both tables; without a slice whose boxes are known, only the first.

    Args:
        folder: the run.
        name: of the cohort.
        slices: iterable of Slice, or of tuples with its fields.
        detector: `mil_tf.localization.detector.Detector`.
        only_positive: as of `mil_tf.localization.located.points_of`.
        used: {patient: "tune" or "test"}, of every patient with boxes; None where all are for testing.

    Raises:
        ValueError: a patient is in `used` with neither word, or not at all.
    """
    points, located = [], []
    for one in map(Slice._make, slices):
        rows, counted = _found(one, detector, only_positive)
        points += rows
        if counted:
            located.append((one.id, one.patient, int(one.y_true), *counted, _use(one.patient, used), *_middle(one)))
    table = Path(folder) / f"located-{name}.csv"
    runs.write_table(Path(folder) / f"points-{name}.csv", POINTS, points)
    if located:
        runs.write_table(table, LOCATED, located)
    else:
        table.unlink(missing_ok=True)  # that of an earlier run would be read as this one's


def _found(one, detector, only_positive):
    """(rows of the slice's points, its number of boxes with its counts, () where boxes are not known)."""
    from mil_tf.localization.located import points_of  # here, so that who only reads needs no scikit-image

    points, values = points_of(one.map2d, one.shape, one.probability, detector, only_positive)
    known = one.boxes is not None
    hits = inside(points, one.boxes).any(axis=1).astype(int).tolist() if known else [""] * len(points)
    rows = [
        (one.id, one.patient, row, column, format(value, ".9g"), hit)
        for (row, column), value, hit in zip(points.tolist(), values, hits)
    ]
    return rows, (len(one.boxes), *count(points, one.boxes)) if known else ()


def _middle(one):
    from mil_tf.localization.located import POSITIVE

    height, width = one.shape
    return count([[(height - 1) / 2, (width - 1) / 2]] if one.probability >= POSITIVE else [], one.boxes)


def _use(patient, used):
    found = "test" if used is None else used.get(patient)
    if found not in USES:
        raise ValueError(f"Expected {' or '.join(USES)} for patient {patient}. Received: {found!r}")
    return found


def read_points(path):
    """Reads a table of points, which may have none.

    Raises:
        TableError: a column is missing, or a value is none that may stand there.
    """
    path = Path(path)
    columns = read_columns(path, POINTS, least=0)
    places = [whole_numbers(path, name, columns[name]) for name in ("row", "column")]
    return Points(path, np.array(columns["id"], str), *places, numbers(path, "value", columns["value"]),
                  truths(path, columns["in_box"], unknown=True, name="in_box"))


def read_located(path):
    """Reads a table of how points meet boxes.

    Raises:
        TableError: a column is missing, a value is none that may stand there, a slice appears twice, a row's counts do
            not make up its boxes, or no row is there.
    """
    path = Path(path)
    columns = read_columns(path, LOCATED[: -len(MIDDLE)])
    ids, boxes = np.array(columns["id"]), _counts(path, columns, ("boxes",))[:, 0]
    refuse_duplicates(path, ids, "slice")
    refuse(path, "used", columns["used"], ~np.isin(columns["used"], USES), " or ".join(USES))
    counts = [_counts(path, columns, names) for names in (COUNTS, MIDDLE) if names[0] in columns]
    for tp, _, fn in (each.T for each in counts):
        _refuse_sum(path, tp + fn, boxes)
    return Located(path, ids, np.array(columns["patient"]), truths(path, columns["y_true"]), boxes, counts[0],
                   np.array(columns["used"]), *counts[1:])


def _counts(path, columns, names):
    found = np.stack([whole_numbers(path, name, columns[name]) for name in names], axis=1)
    for name, values in zip(names, found.T):
        refuse(path, name, columns[name], values < 0, "a count")
    return found


def _refuse_sum(path, found, boxes):
    wrong = found != boxes
    if wrong.any():
        raise TableError(f"{path}, line {line_of(wrong)}: expected tp and fn to make up all {boxes[wrong][0]} boxes, "
                         f"received {found[wrong][0]}.")
