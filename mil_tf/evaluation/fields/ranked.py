"""Each class against the rest, and the mean over classes: average precision and AUC with intervals."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import Estimate, bootstrap_estimate, ranking_estimates
from mil_tf.evaluation.metrics import MetricUndefined, Ranking, ranking_metrics

NO_CLASS = "undefined: every class is on no row, or on all"


class Ranked(NamedTuple):
    """`ap` and `auc` map a class to its Estimate, `mean_ap` and `mean_auc` are those of the means over the classes that
    can be ranked; `left_out` maps the others to the reason.
    """

    ap: dict
    auc: dict
    mean_ap: Estimate
    mean_auc: Estimate
    left_out: dict

    @property
    def used(self):
        """How many classes the means are of."""
        return len(self.ap) - len(self.left_out)


def rank_classes(classes, y_true, scores, patient, bootstrap):
    """The Ranked of a table.

    Args:
        classes: k names.
        y_true: 0 or 1, shape (n, k).
        scores: higher = more of that class, shape (n, k).
        patient: of each row, shape (n,).
        bootstrap: PatientBootstrap of these patients; a resample's mean is over the classes that it leaves defined.
    """
    drawn = {name: _resampled(y_true[:, at], scores[:, at], patient, bootstrap) for at, name in enumerate(classes)}
    found = {name: ranking_estimates(y_true[:, at], scores[:, at], patient, bootstrap, drawn[name])
             for at, name in enumerate(classes)}
    means = _means(y_true, scores, [each for each in drawn.values() if each is not None], patient)
    ap, auc = ({name: each[key] for name, each in found.items()} for key in ("ap", "auc"))
    return Ranked(ap, auc, *means, {name: _reason(y_true[:, at]) for at, name in enumerate(classes)
                                    if drawn[name] is None})


def mean_ranking(y_true, scores):
    """(mean average precision, mean AUC) of a table (n, k), NaN where no class can be ranked."""
    found = [ranking_metrics(*pair) for pair in zip(y_true.T, scores.T) if 0 < pair[0].sum() < len(pair[0])]
    return tuple(np.mean(found, axis=0).tolist()) if found else (float("nan"),) * 2


def defined_mean(values, axis):
    """The mean along an axis without NaN, NaN where there is nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)


def _resampled(truth, score, patient, bootstrap):
    """Shape (2, resamples), None where there is one class only."""
    try:
        return bootstrap(Ranking(truth, score), patient)
    except MetricUndefined:
        return None


def _means(y_true, scores, drawn, patient):
    if not drawn:
        return (Estimate.undefined(NO_CLASS),) * 2
    resampled, patients = defined_mean(np.stack(drawn), axis=0), len(np.unique(patient))
    return [bootstrap_estimate(*pair, patients, NO_CLASS) for pair in zip(mean_ranking(y_true, scores), resampled)]


def _reason(truth):
    return "on no row" if not truth.any() else "on every row"
