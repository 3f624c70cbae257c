"""Precision and recall of several models in one picture: averaged vertically, at equal recall.

Each model's precision is the step function whose area is its average precision: at a recall r it is that of the first
threshold whose recall reaches r. The mean over folds at every recall then has the mean average precision as its area
(Fawcett, Pattern Recognition Letters 27(8), 2006, calls this vertical averaging).
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.metrics import MetricUndefined, precision_recall_curve
from mil_tf.evaluation.readings import across


class Vertical(NamedTuple):
    """Precision at each of `recall`, shape (r,): of the `models` (m, r), their mean over folds, its 95 % interval (NaN
    with one fold), and the ensemble's, or None.
    """

    recall: np.ndarray
    models: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ensemble: np.ndarray | None


def precision_on(size):
    """The Vertical of a Size, or None where a model's curve is undefined."""
    tables = [member.score.predictions for member in size.members]
    together = next(iter(size.ensembles.values())).predictions if size.ensembles else None
    try:
        curves = [precision_recall_curve(table.y_true, table.y_prob) for table in tables]
        whole = None if together is None else precision_recall_curve(together.y_true, together.y_prob)
    except MetricUndefined:
        return None
    recall = np.unique(np.concatenate([recall for recall, _ in curves]))
    models = np.stack([at_recall(recall, *curve) for curve in curves])
    found = [across(column, size.folds) for column in models.T]
    mean, low, high = (np.array([getattr(one, name) for one in found]) for name in ("mean", "low", "high"))
    return Vertical(recall, models, mean, low, high, None if whole is None else at_recall(recall, *whole))


def at_recall(wanted, recall, precision):
    """Precision of the first threshold that reaches each wanted recall; `recall` rises from 0 to 1."""
    return precision[np.searchsorted(recall, wanted, side="left")]
