"""From counts of slices to the metrics of cases.

The paper's unit is silent ("CQ 500 patient performance details"). Here a case is a patient, whose slices' counts are
summed (our decision); cases can be slices instead.
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.segmentation.counts import MODELS

METRICS = ("dice", "iou", "precision", "recall")
UNITS = ("patient", "slice")


class Cases(NamedTuple):
    """The cases of a data set and a type, all arrays in one order.

    Attributes:
        data_set, type: whose these are.
        id, patient: str (n,).
        counts: int64 (2, n, 3), of MODELS; tp, fp, fn.
        values: float64 (2, 4, n), of MODELS and METRICS; NaN where undefined.
    """

    data_set: str
    type: str
    id: np.ndarray
    patient: np.ndarray
    counts: np.ndarray
    values: np.ndarray

    @property
    def healthy(self):
        """Boolean (n,): cases without this type of blood."""
        return self.counts[0, :, 0] + self.counts[0, :, 2] == 0

    @property
    def called(self):
        """Boolean (2, n): cases in which each model finds some."""
        return self.counts[:, :, 0] + self.counts[:, :, 1] > 0


def metrics_of(counts):
    """Dice, IoU, precision and recall.

    What would be 0 / 0 is undefined: all four where neither mask has a pixel, recall where the true one has none,
    precision where the predicted one has none. So a false alarm in a case without blood has a Dice of 0, and silence
    there counts for nothing (our decision).

    Args:
        counts: (..., 3), tp, fp, fn.

    Returns:
        float64 (4, ...), of METRICS; NaN where undefined.
    """
    tp, fp, fn = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([2 * tp / (2 * tp + fp + fn), tp / (tp + fp + fn), tp / (tp + fp), tp / (tp + fn)])


def cases_of(rows, unit="patient"):
    """[Cases], one a data set and type, in the order in which they come.

    Args:
        rows: list of `mil_tf.evaluation.segmentation.counts.Row`.
        unit: one of UNITS.

    Raises:
        ValueError: no row, another unit or model, a slice that comes twice, or that one model alone has, or a true
            mask that is not the same for both.
    """
    if unit not in UNITS:
        raise ValueError(f"Expected `unit` to be one of {UNITS}. Received: unit={unit!r}")
    if not rows:
        raise ValueError("Expected rows of slices to score. Received: none")
    groups = {}
    for row in rows:
        slices = groups.setdefault((row.data_set, row.type), {name: {} for name in MODELS})
        if row.model not in slices:
            raise ValueError(f"Expected the model to be one of {MODELS}. Received: {row.model!r} of slice {row.id}")
        if row.id in slices[row.model]:
            raise ValueError(f"Expected every slice once. Received: {row.id} of {row.data_set}, {row.type}, twice "
                             f"{row.model}")
        slices[row.model][row.id] = row
    return [_cases(*of, slices, unit) for of, slices in groups.items()]


def _cases(data_set, type, slices, unit):
    before, after = (slices[name] for name in MODELS)
    for one, other in ((before, after), (after, before)):
        for id, row in one.items():
            _check_pair(row, other.get(id))
    key = {id: row.patient if unit == "patient" else id for id, row in before.items()}
    ids, place = np.unique(list(key.values()), return_inverse=True)
    counts = np.zeros((2, len(ids), 3), np.int64)
    for model, of in enumerate((before, after)):
        np.add.at(counts[model], place, [[of[id].tp, of[id].fp, of[id].fn] for id in key])
    patient = np.empty(len(ids), object)
    patient[place] = [row.patient for row in before.values()]
    values = np.moveaxis(metrics_of(counts), 0, 1)
    return Cases(data_set, type, ids, patient.astype(str), counts, values)


def _check_pair(row, other):
    where = f"slice {row.id} of {row.data_set}, {row.type}"
    if other is None:
        raise ValueError(f"Expected every slice of both {' and '.join(MODELS)}. Received: {where} {row.model} alone")
    if row.patient != other.patient or row.tp + row.fn != other.tp + other.fn:
        raise ValueError(f"Expected one patient and one true mask a slice. Received: {where} with another after")
