"""Reads the tables of a run: `predictions-<name>.csv` and `instances-<name>.csv`.

A metric of a broken table is worse than none, so every value is checked here, and the first wrong one is
named with its file and line.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

UNKNOWN = -1


class TableError(ValueError):
    """A table cannot be scored; the message is one line: what was expected, what came, what to do."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row a bag, all of shape (n,): text `id` and `patient`, `y_true` int64 0/1, `y_prob` in [0, 1].

    `top_instance` is the source index of the bag's top slice, int64, and `y_pred` the model's own decision, int64
    0/1; each is None where the table has none.
    """

    path: Path
    id: np.ndarray
    patient: np.ndarray
    y_true: np.ndarray
    y_prob: np.ndarray
    top_instance: np.ndarray | None = None
    y_pred: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Instances:
    """One row a slice, all of shape (m,): `id` of its bag, `source_index` int64, `y_prob` float64 in [0, 1].

    `position` is the slice's place along the body's axis in mm, float64; `y_true` is int64 0/1, UNKNOWN (-1)
    where the table leaves it empty.
    """

    path: Path
    id: np.ndarray
    source_index: np.ndarray
    position: np.ndarray
    y_true: np.ndarray
    y_prob: np.ndarray


def read_predictions(path):
    """Read a bag table: columns id, patient, y_true, y_prob and, where there are any, top_instance and y_pred.

    Raises:
        TableError: if a column is missing, a value is out of range, an id appears twice, or no row is there.
    """
    path = Path(path)
    columns = _columns(path, required=("id", "patient", "y_true", "y_prob"))
    ids = np.array(columns["id"])
    _refuse_duplicates(path, ids, "id")
    top, called = columns.get("top_instance"), columns.get("y_pred")
    return Predictions(path, ids, np.array(columns["patient"]), _truth(path, columns["y_true"]),
                       _probability(path, columns["y_prob"]),
                       None if top is None else _whole(path, "top_instance", top),
                       None if called is None else _truth(path, called, name="y_pred"))


def read_instances(path, predictions):
    """Read a slice table: columns id, source_index, position_mm, y_true (empty where unknown), y_prob.

    Raises:
        TableError: as read_predictions, and if a slice belongs to no bag of `predictions` or appears twice.
    """
    path = Path(path)
    columns = _columns(path, required=("id", "source_index", "position_mm", "y_true", "y_prob"))
    ids, index = np.array(columns["id"]), _whole(path, "source_index", columns["source_index"])
    stranger = ~np.isin(ids, predictions.id)
    if stranger.any():
        raise TableError(f"{path}, line {_line(stranger)}: bag {ids[stranger][0]} is not in "
                         f"{predictions.path.name}; the two tables must come from the same prediction.")
    _refuse_duplicates(path, np.char.add(np.char.add(ids, ", slice "), index.astype(str)), "slice")
    return Instances(path, ids, index, _number(path, "position_mm", columns["position_mm"]),
                     _truth(path, columns["y_true"], unknown=True), _probability(path, columns["y_prob"]))


def _columns(path, required):
    """Text columns of a CSV by header name, every row as long as the header."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise TableError(f"{path} does not exist; expected a table of {','.join(required)}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a CSV table: {error}.") from None
    missing = [name for name in required if name not in header]
    if missing:
        raise TableError(f"{path}: expected columns {','.join(required)}; missing {','.join(missing)}, "
                         f"received {','.join(header) or 'an empty file'}.")
    if not rows:
        raise TableError(f"{path}: expected at least one row under the header, received none.")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TableError(f"{path}, line {line}: expected {len(header)} fields, received {len(row)}.")
    return dict(zip(header, zip(*rows)))


def _number(path, name, texts):
    try:
        values = np.array(texts).astype(np.float64)
    except ValueError:
        values = np.array([_float_or_nan(text) for text in texts])
    _refuse(path, name, texts, ~np.isfinite(values), "a finite number")
    return values


def _float_or_nan(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _whole(path, name, texts):
    values = _number(path, name, texts)
    _refuse(path, name, texts, values != np.round(values), "a whole number")
    return values.astype(np.int64)


def _probability(path, texts):
    values = _number(path, "y_prob", texts)
    _refuse(path, "y_prob", texts, (values < 0) | (values > 1), "a probability in [0, 1]")
    return values


def _truth(path, texts, unknown=False, name="y_true"):
    if unknown:
        texts = [text.strip() or str(UNKNOWN) for text in texts]
    values = _number(path, name, texts)
    allowed, wanted = ((0, 1, UNKNOWN), "0, 1 or empty") if unknown else ((0, 1), "0 or 1")
    _refuse(path, name, texts, ~np.isin(values, allowed), wanted)
    return values.astype(np.int64)


def _refuse(path, name, texts, wrong, wanted):
    if wrong.any():
        received = texts[int(np.argmax(wrong))]
        raise TableError(f"{path}, line {_line(wrong)}: expected {wanted} as {name}, received {received!r}.")


def _refuse_duplicates(path, keys, noun):
    _, first = np.unique(keys, return_index=True)
    if len(first) < len(keys):
        again = np.ones(len(keys), dtype=bool)
        again[first] = False
        raise TableError(f"{path}, line {_line(again)}: {noun} {keys[again][0]} appears twice; "
                         "expected one row each.")


def _line(wrong):
    """Line in the file of the first True row: the header is line 1."""
    return int(np.argmax(wrong)) + 2
