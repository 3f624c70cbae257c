"""Reads the tables of a run: `predictions-<name>.csv` and `instances-<name>.csv`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tf.evaluation.columns import (
    UNKNOWN,
    TableError,
    line_of,
    numbers,
    probabilities,
    read_columns,
    refuse_duplicates,
    truths,
    whole_numbers,
)

__all__ = ["UNKNOWN", "Instances", "Predictions", "TableError", "read_instances", "read_predictions"]

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
    columns = read_columns(path, required=("id", "patient", "y_true", "y_prob"))
    ids = np.array(columns["id"])
    refuse_duplicates(path, ids, "id")
    top, called = columns.get("top_instance"), columns.get("y_pred")
    return Predictions(path, ids, np.array(columns["patient"]), truths(path, columns["y_true"]),
                       probabilities(path, columns["y_prob"]),
                       None if top is None else whole_numbers(path, "top_instance", top),
                       None if called is None else truths(path, called, name="y_pred"))


def read_instances(path, predictions):
    """Read a slice table: columns id, source_index, position_mm, y_true (empty where unknown), y_prob.

    Raises:
        TableError: as read_predictions, and if a slice belongs to no bag of `predictions` or appears twice.
    """
    path = Path(path)
    columns = read_columns(path, required=("id", "source_index", "position_mm", "y_true", "y_prob"))
    ids, index = np.array(columns["id"]), whole_numbers(path, "source_index", columns["source_index"])
    stranger = ~np.isin(ids, predictions.id)
    if stranger.any():
        raise TableError(f"{path}, line {line_of(stranger)}: bag {ids[stranger][0]} is not in "
                         f"{predictions.path.name}; the two tables must come from the same prediction.")
    refuse_duplicates(path, np.char.add(np.char.add(ids, ", slice "), index.astype(str)), "slice")
    return Instances(path, ids, index, numbers(path, "position_mm", columns["position_mm"]),
                     truths(path, columns["y_true"], unknown=True), probabilities(path, columns["y_prob"]))
