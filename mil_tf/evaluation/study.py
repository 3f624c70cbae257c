"""Everything that a grid says: its numbers at each size, the laws through them, and how many bags are enough."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.cohort import PAPER_RULE
from mil_tf.evaluation.enough import MARGIN, Enough, enough
from mil_tf.evaluation.grid import Grid
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.learning_curve import DRAWS, Curve, CurveUndefined, fit_curve
from mil_tf.evaluation.metrics import RATES, MetricUndefined, Ranking
from mil_tf.evaluation.readings import decisions
from mil_tf.evaluation.sizes import decided, ensemble_shortfalls, measure_sizes

AP, AUC = ("ap", ""), ("auc", "")
# What is drawn against the number of bags, with the words of its axis.
DRAWN = {AP: "average precision", AUC: "AUC", ("tpr", PAPER_RULE): "TPR (sensitivity) at 0.5",
         ("tnr", PAPER_RULE): "TNR (specificity) at 0.5"}


class Study(NamedTuple):
    """A Grid, its Sizes, and for each key of `drawn` a Curve (or the text why there is none) and an Enough.

    `ensemble_shortfalls` is {(bags, metric): Estimate}; `cohort` is the name of the bags that all models answer for;
    `drawn` maps (metric, rule) to its words, the one that answers first.
    """

    grid: Grid
    cohort: str
    sizes: list
    curves: dict[tuple, Curve | str]
    enough: dict[tuple, Enough]
    ensemble_shortfalls: dict
    drawn: dict = DRAWN

    @property
    def first(self):
        """The key of `drawn` that answers."""
        return next(iter(self.drawn))

    @property
    def largest(self):
        """The Size with the most bags."""
        return self.sizes[-1]

    @property
    def sample(self):
        """The test bags in words."""
        if self.grid.common_test:
            return self.grid.members[0].score.sample
        return "test sets of their own for the folds"


def study(grid, cohort, resamples=2000, seed=0, margin=MARGIN):
    """Measure a grid.

    Args:
        grid: a Grid with at least one member.
        cohort: name of the bags that its scores are of.
        resamples, seed: of the bootstrap by patient.
        margin: shortfall that would not matter.
    """
    sizes = measure_sizes(grid, resamples, seed)
    shifts = patient_shifts(sizes, min(resamples, DRAWS), seed) if grid.common_test else {}
    return Study(grid, cohort, sizes, {key: curve_of(sizes, key, shifts.get(key), seed) for key in DRAWN},
                 {key: enough(sizes, key, margin) for key in DRAWN}, ensemble_shortfalls(sizes, resamples, seed))


def curve_of(sizes, key, shifts, seed):
    """The Curve of a metric, or the text why there is none."""
    try:
        return fit_curve({size.bags: fold_means(size, key) for size in sizes}, shifts, seed)
    except CurveUndefined as reason:
        return str(reason)


def fold_means(size, key):
    """{fold: mean over its seeds} of a metric."""
    values, folds = np.array(size.per_fold[key].values), np.array(size.folds)
    return {int(fold): float(values[folds == fold].mean()) for fold in np.unique(folds)}


def patient_shifts(sizes, resamples, seed, values_of=None, keys=tuple(DRAWN)):
    """What other test patients would add to the folds' mean of each size: {key: (sizes, resamples)}.

    The same patients are drawn for all models. Resamples that leave one class only are left out; a key of which
    nothing remains is missing.

    Args:
        sizes: list of Size.
        resamples, seed: of the bootstrap by patient.
        values_of: maps a Member to the statistic of row weights (r, n) that gives all keys, shape (keys, r); None is
            that of DRAWN.
        keys: (metric, rule) of each value.
    """
    bootstrap = PatientBootstrap(sizes[0].members[0].score.predictions.patient, resamples, seed)
    rows = np.stack([_size_shifts(size, bootstrap, values_of or _values_of) for size in sizes], axis=1)
    whole = [row[:, ~np.isnan(row).any(axis=0)] for row in rows]
    return {key: row for key, row in zip(keys, whole) if row.shape[1]}


def _size_shifts(size, bootstrap, values_of):
    """Shape (keys, resamples)."""
    folds = np.array(size.folds)
    models = np.stack([_model_shifts(one.score.predictions, values_of(one), bootstrap) for one in size.members])
    return np.mean([models[folds == fold].mean(axis=0) for fold in np.unique(folds)], axis=0)


def _model_shifts(table, values, bootstrap):
    return bootstrap(values, table.patient) - values(np.ones((1, len(table.id))))


def _values_of(member):
    """The statistic of row weights (r, n) that gives all keys of DRAWN, shape (keys, r)."""
    table = decided(member, PAPER_RULE)
    truth, called = table.y_true.astype(bool), decisions(table)
    masks = [RATES[name](truth, called) for name, rule in DRAWN if rule]
    try:
        ranking = Ranking(truth, table.y_prob)
    except MetricUndefined:
        ranking = None

    def values(weights):
        undefined = np.full(len(weights), np.nan)
        ranked = (undefined, undefined) if ranking is None else ranking(weights)
        return np.stack([*ranked, *(_weighted_rate(weights, *pair) for pair in masks)])

    return values


def _weighted_rate(weights, counted, success):
    with np.errstate(invalid="ignore", divide="ignore"):
        return weights @ (counted & success) / (weights @ counted.astype(np.float64))
