"""Reads the tables of a run on fields: `predictions-<name>.csv` and `cells-<name>.csv`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tf.evaluation.columns import (
    UNKNOWN,
    TableError,
    line_of,
    names,
    probabilities,
    read_columns,
    refuse_duplicates,
    truths,
)

TRUTH, PROBABILITY, POOLED = "y_true_", "y_prob_", "y_pool_"
ROUNDING = 1e-3  # of probabilities written with few digits; our decision


@dataclass(frozen=True, eq=False)
class Fields:
    """One row an image (or a treatment), n rows and k classes.

    `id`, `patient` (the well), `replicate` and `treatment` are text (n,), the last two "" where unknown; `y_true` is
    int64 (n, k) of 0 and 1, `y_prob` and `y_pool` float64 (n, k) in [0, 1]; `y_pool` is None where the table has none.
    """

    path: Path
    classes: tuple
    id: np.ndarray
    patient: np.ndarray
    replicate: np.ndarray
    treatment: np.ndarray
    y_true: np.ndarray
    y_prob: np.ndarray
    y_pool: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Cells:
    """One row a cropped cell, m rows and k classes.

    `id` and `patient` are text (m,), those of its image; `y_cell` is the number of its own class, int64 (m,), UNKNOWN
    (-1) where it is not known; `y_true` int64 (m, k) are the classes of its image; `y_pool` is float64 (m, k).
    """

    path: Path
    id: np.ndarray
    patient: np.ndarray
    y_cell: np.ndarray
    y_true: np.ndarray
    y_pool: np.ndarray


def read_fields(path, classes=None, single_label=False, need_patient=True):
    """Read a table of images: columns id, patient, y_true_<class>, y_prob_<class> and, where there are any,
    y_pool_<class>, replicate and treatment.

    Args:
        path: of the table.
        classes: names that it must have, in the order to read them; None takes those of its columns.
        single_label: whether every image must have exactly one class.
        need_patient: False where a table without the column may be read; every image is then a patient by itself.

    Raises:
        TableError: if a column is missing or of an unknown class, a value is out of range, an id appears twice, or an
            image of a single-label set has no class or several.
    """
    path = Path(path)
    columns = read_columns(path, required=("id", "patient") if need_patient else ("id",))
    classes = class_names(path, columns, classes, (TRUTH, PROBABILITY))
    ids = names(path, "id", columns["id"])
    refuse_duplicates(path, ids, "id")
    truth = truth_columns(path, columns, classes)
    if single_label:
        _one_class_each(path, ids, truth)
    pooled = any(name.startswith(POOLED) for name in columns)
    patient = names(path, "patient", columns["patient"]) if "patient" in columns else ids
    return Fields(path, classes, ids, patient, _optional(columns, "replicate"), _optional(columns, "treatment"), truth,
                  score_columns(path, columns, classes, PROBABILITY),
                  score_columns(path, columns, classes, POOLED) if pooled else None)


def read_cells(path, images):
    """Read a table of cropped cells: columns id, patient, y_cell ("" where unknown), y_true_<class>, y_pool_<class>.

    Args:
        path: of the table.
        images: Fields of the same cohort.

    Returns:
        Cells, None where the table has no row.

    Raises:
        TableError: as read_fields, and if a cell lies in no image of `images`, or is of an unknown class.
    """
    path = Path(path)
    columns = read_columns(path, required=("id", "patient", "y_cell"), least=0)
    class_names(path, columns, images.classes, (TRUTH, POOLED))
    if not columns["id"]:
        return None
    ids, truth = np.array(columns["id"]), truth_columns(path, columns, images.classes)
    _of_images(path, ids, truth, images)
    return Cells(path, ids, names(path, "patient", columns["patient"]), _own(path, columns["y_cell"], images.classes),
                 truth, score_columns(path, columns, images.classes, POOLED))


def class_names(path, columns, classes, prefixes):
    """The classes of a table as a tuple, every one with a column of each prefix.

    Raises:
        TableError: at the first column that is missing, or of a class that is none of `classes`.
    """
    found = tuple(name.removeprefix(TRUTH) for name in columns if name.startswith(TRUTH))
    classes = found if classes is None else tuple(classes)
    if len(classes) < 2:
        raise TableError(f"{path}: expected columns {TRUTH}<class> and {PROBABILITY}<class> of at least 2 classes, "
                         f"received {','.join(columns)}.")
    missing = [prefix + name for prefix in prefixes for name in classes if prefix + name not in columns]
    strange = [name for name in columns for prefix in (TRUTH, PROBABILITY, POOLED)
               if name.startswith(prefix) and name.removeprefix(prefix) not in classes]
    if missing or strange:
        wrong = f"column {missing[0]} is missing" if missing else f"received {strange[0]}"
        raise TableError(f"{path}: expected {', '.join(prefix + '<class>' for prefix in prefixes)} for the classes "
                         f"{', '.join(classes)}; {wrong}.")
    return classes


def truth_columns(path, columns, classes):
    """The columns y_true_<class>, int64 (n, k)."""
    return np.stack([truths(path, columns[TRUTH + name], name=TRUTH + name) for name in classes], axis=1)


def score_columns(path, columns, classes, prefix):
    """The columns <prefix><class>, float64 (n, k) in [0, 1]."""
    missing = [prefix + name for name in classes if prefix + name not in columns]
    if missing:
        raise TableError(f"{path}: expected {prefix}<class> for the classes {', '.join(classes)}; column {missing[0]} "
                         "is missing.")
    return np.stack([probabilities(path, columns[prefix + name], prefix + name) for name in classes], axis=1)


def sums_told(table):
    """A line on rows whose probabilities do not sum to one, as those of a softmax do; "" where all do."""
    total = table.y_prob.sum(axis=1)
    wrong = np.abs(total - 1) > ROUNDING
    if not wrong.any():
        return ""
    return (f"{table.path.name}: the probabilities of {wrong.sum()} of {len(total)} images do not sum to 1, as a "
            f"softmax's would (the first in line {line_of(wrong)}: {total[wrong][0]:.3f}).")


def _one_class_each(path, ids, truth):
    wrong = truth.sum(axis=1) != 1
    if wrong.any():
        count = int(truth[wrong][0].sum())
        raise TableError(f"{path}, line {line_of(wrong)}: expected exactly one class of image {ids[wrong][0]}, as the "
                         f"run's config.json says single_label, received {count or 'none'}.")


def _optional(columns, name):
    """A text column, "" everywhere where there is none."""
    texts = columns.get(name, [""] * len(columns["id"]))
    return np.array([text.strip() for text in texts])


def _of_images(path, ids, truth, images):
    stranger = ~np.isin(ids, images.id)
    if stranger.any():
        raise TableError(f"{path}, line {line_of(stranger)}: image {ids[stranger][0]} is not in {images.path.name}; "
                         "the two tables must come from the same prediction.")
    order = np.argsort(images.id)
    rows = order[np.searchsorted(images.id, ids, sorter=order)]
    wrong = (truth != images.y_true[rows]).any(axis=1)
    if wrong.any():
        raise TableError(f"{path}, line {line_of(wrong)}: expected the classes that image {ids[wrong][0]} has in "
                         f"{images.path.name}, received others.")


def _own(path, texts, classes):
    numbers = {"": UNKNOWN, **{name: place for place, name in enumerate(classes)}}
    found = np.array([numbers.get(text.strip(), UNKNOWN - 1) for text in texts])
    wrong = found < UNKNOWN
    if wrong.any():
        raise TableError(f"{path}, line {line_of(wrong)}: expected one of {', '.join(classes)} or nothing as y_cell, "
                         f"received {texts[int(np.argmax(wrong))]!r}.")
    return found
