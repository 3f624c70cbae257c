"""The two readings of a cross-validation whose models were all tested on the same bags.

`per fold`: every model is measured by itself, and their mean and interval are told. `ensemble`: the models answer
together, by their mean probability and by a majority of their decisions. One set of predictions gives both, and they
differ: remedios2020's AP is .970 as an ensemble and .952 as the mean of five models.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from mil_tf.evaluation.intervals import PatientBootstrap, ranking_estimates, rate_estimate
from mil_tf.evaluation.metrics import RATES, Confusion, MetricUndefined, confusion_of, ranking_metrics
from mil_tf.evaluation.tables import Predictions, TableError
from mil_tf.evaluation.threshold import PAPER_THRESHOLD

ONE_FOLD = "no interval: one fold only"


class Across(NamedTuple):
    """A metric over the models: `values` one a model, their mean and its 95 % interval (Student's t over folds).

    The interval tells how training and its data vary, on these test bags; it knows nothing of other test bags. NaN
    with a `note` that says why where there is none.
    """

    values: tuple
    mean: float
    low: float
    high: float
    note: str = ""

    def __str__(self):
        if np.isnan(self.mean):
            return self.note
        interval = self.note if np.isnan(self.low) else f"[{self.low:.3f}, {self.high:.3f}]"
        return f"{self.mean:.3f} {interval}"


class Ensemble(NamedTuple):
    """What the models say together.

    `predictions` holds the mean probability, `called` (bool, shape (n,)) the majority's decision, `ranking` maps "ap"
    and "auc" and `rates` the names of RATES to Estimates, by patient; `models` is how many voted.
    """

    predictions: Predictions
    called: np.ndarray
    models: int
    ranking: dict
    rates: dict
    confusion: Confusion


def per_fold(tables, folds=None):
    """AP, AUC and rates of each model, and their mean.

    Args:
        tables: list of Predictions, one a model, on the same bags.
        folds: fold of each model; models of one fold share their data and count as one. None: each is a fold.

    Returns:
        {"ap", "auc", *RATES: Across}.

    Raises:
        TableError: if the tables are not of the same bags.
    """
    rows = [model_values(table) for table in aligned(tables)]
    folds = range(len(rows)) if folds is None else folds
    return {name: across([row[name] for row in rows], folds) for name in rows[0]}


def ensemble(tables, resamples=2000, seed=0):
    """The models as one: mean probability and majority vote; a tied vote goes by the mean probability.

    Args:
        tables: list of Predictions, one a model, on the same bags.
        resamples, seed: of the bootstrap by patient.

    Raises:
        TableError: if the tables are not of the same bags.
    """
    tables = aligned(tables)
    mean = np.mean([table.y_prob for table in tables], axis=0)
    together = replace(tables[0], y_prob=mean, top_instance=None, y_pred=None)
    truth, patient = together.y_true.astype(bool), together.patient
    ranking = ranking_estimates(truth, mean, patient, PatientBootstrap(patient, resamples, seed))
    return _voted(together, tables, ranking)


def under(known, tables):
    """The Ensemble `known` under other decisions of the same models; its probabilities and ranking stay.

    Raises:
        TableError: if the tables are not of the same bags.
    """
    return _voted(known.predictions, [_like(known.predictions, table) for table in tables], known.ranking)


def _voted(together, tables, ranking):
    called = majority(tables, together.y_prob)
    truth, patient = together.y_true.astype(bool), together.patient
    rates = {name: rate_estimate(*masks(truth, called), patient) for name, masks in RATES.items()}
    return Ensemble(together, called, len(tables), ranking, rates, confusion_of(truth, called))


def majority(tables, mean):
    """Boolean (n,): what more than half of the models call positive; a tie is what `mean` is at 0.5."""
    votes = 2 * np.sum([decisions(table) for table in tables], axis=0)
    return np.where(votes == len(tables), mean >= PAPER_THRESHOLD, votes > len(tables))


def decisions(table):
    """Boolean (n,): the table's own decisions, else those at 0.5."""
    return table.y_prob >= PAPER_THRESHOLD if table.y_pred is None else table.y_pred == 1


def model_values(table):
    """{"ap", "auc", *RATES: float} of one model, NaN where undefined."""
    truth, called = table.y_true.astype(bool), decisions(table)
    try:
        values = ranking_metrics(truth, table.y_prob)
    except MetricUndefined:
        values = (float("nan"),) * 2
    return {**dict(zip(("ap", "auc"), values)), **{name: _rate(*masks(truth, called)) for name, masks in RATES.items()}}


def _rate(counted, success):
    return float((counted & success).sum() / counted.sum()) if counted.any() else float("nan")


def across(values, folds, lowest=0.0):
    """Across of a metric's values, one a model, in [lowest, 1]; the models of a fold count by their own mean."""
    nothing = float("nan")
    undefined = int(np.isnan(values).sum())
    if undefined:
        return Across(tuple(values), *[nothing] * 3, f"undefined for {undefined} of {len(values)} models")
    _, fold = np.unique(list(folds), return_inverse=True)
    means = np.bincount(fold, weights=values) / np.bincount(fold)
    mean, count = float(means.mean()), len(means)
    if count == 1:
        return Across(tuple(values), mean, nothing, nothing, ONE_FOLD)
    half = stdtrit(count - 1, 0.975) * means.std(ddof=1) / np.sqrt(count)
    return Across(tuple(values), mean, float(max(lowest, mean - half)), float(min(1.0, mean + half)))


def aligned(tables):
    """The tables with their rows in the order of the first.

    Raises:
        TableError: at the first bag that is missing, unknown, or of another truth or patient.
    """
    return [tables[0], *(_like(tables[0], table) for table in tables[1:])]


def _like(first, table):
    order = np.argsort(table.id)
    place = np.minimum(np.searchsorted(table.id, first.id, sorter=order), len(order) - 1)
    rows = order[place]
    _refuse(first, table, table.id[rows] != first.id, "which is missing here")
    _refuse(table, first, ~np.isin(table.id, first.id), "which is missing here")
    for name in ("y_true", "patient"):
        _refuse(first, table, getattr(table, name)[rows] != getattr(first, name), f"with the same {name}")
    columns = ("id", "patient", "y_true", "y_prob", "top_instance", "y_pred")
    return replace(table, **{c: getattr(table, c)[rows] for c in columns if getattr(table, c) is not None})


def _refuse(known, table, wrong, what):
    if wrong.any():
        raise TableError(f"{table.path}: expected bag {known.id[wrong][0]} of {known.path}, {what}; "
                         "all tables must be of the same bags.")
