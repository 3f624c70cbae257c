"""Bag tables of any model: read with as few columns as there are, and brought to the same bags."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.columns import TableError, names, probabilities, read_columns, refuse_duplicates, truths
from mil_tf.evaluation.readings import aligned
from mil_tf.evaluation.tables import Predictions


class Foreign(NamedTuple):
    """A table of any model's, with whether it has ids and patients; a row without them is known by its number."""

    table: Predictions
    has_id: bool
    has_patient: bool


def read_foreign(path):
    """Read a bag table of any model's: columns y_true, y_prob and, where there are any, y_pred, id and patient.

    Returns:
        Foreign; without ids bag i is called "row i", and without patients every bag is a patient by itself.

    Raises:
        TableError: as read_predictions.
    """
    path = Path(path)
    columns = read_columns(path, required=("y_true", "y_prob"))
    has_id, has_patient = ("id" in columns), ("patient" in columns)
    ids = names(path, "id", columns["id"]) if has_id else _row_names(len(columns["y_true"]))
    refuse_duplicates(path, ids, "id")
    patients = names(path, "patient", columns["patient"]) if has_patient else ids
    called = truths(path, columns["y_pred"], name="y_pred") if "y_pred" in columns else None
    table = Predictions(path, ids, patients, truths(path, columns["y_true"]), probabilities(path, columns["y_prob"]),
                        None, called)
    return Foreign(table, has_id, has_patient)


def _row_names(count):
    return np.array([f"row {row}" for row in range(1, count + 1)])


def same_bags(tables):
    """Tables of the same bags, matched by id, or by row where they have no ids.

    Args:
        tables: list of Foreign.

    Returns:
        list of Predictions with the rows of the first.

    Raises:
        TableError: if only some have ids or patients, or the bags, their truth or their patients are not the same.
    """
    first = tables[0]
    for other in tables[1:]:
        for column, had, has in (("id", first.has_id, other.has_id), ("patient", first.has_patient, other.has_patient)):
            _same_column(column, first.table.path, had, other.table.path, has)
        if not first.has_id:
            _same_rows(first.table, other.table)
    return aligned([each.table for each in tables])


def _same_column(column, first, had, other, has):
    if had != has:
        with_it, without = (first, other) if had else (other, first)
        raise TableError(f"{without}: expected a column {column}, as {with_it} has one; give it in all files or none.")


def _same_rows(first, other):
    counts = len(first.id), len(other.id)
    if counts[0] != counts[1]:
        raise TableError(f"{other.path}: expected {counts[0]} rows as in {first.path}, received {counts[1]}; files "
                         "without ids must hold the same bags in the same order.")
    for name in ("y_true", "patient"):
        mine, theirs = getattr(first, name), getattr(other, name)
        if (mine != theirs).any():
            row = int(np.argmax(mine != theirs))
            raise TableError(f"{other.path}, line {row + 2}: expected {name} {mine[row]} as in {first.path}, received "
                             f"{theirs[row]}; files without ids must hold the same bags in the same order.")
