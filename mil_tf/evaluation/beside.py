"""What stands beside a detector's result on bags: scores that need no learned selection, and the gain over them.

`mean_pooling` is the mean over a bag's slices by the same scorer: what selecting the top slice adds. `trivial` is the
largest component of blood's attenuation: what learning adds.
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import ranking_estimates
from mil_tf.evaluation.paired import compare

MEAN_POOLING, TRIVIAL = "mean_pooling", "trivial"
NO_SLICES = "not computed: no table of slices"


class Baseline(NamedTuple):
    """A baseline's `ranking` {"ap", "auc": Estimate} and the detector's `gain` {"ap", "auc": Difference} over it.

    Where it could not be computed both are {} and `note` says why.
    """

    ranking: dict
    gain: dict
    note: str = ""

    def numbers(self):
        """As a dict of JSON values."""
        if self.note:
            return {"note": self.note}
        return {**{name: estimate.numbers() for name, estimate in self.ranking.items()},
                **{f"gain_{name}": gain.numbers() for name, gain in self.gain.items()}}


def baseline(predictions, score, bootstrap):
    """The Baseline of a score (n,) of a table's bags."""
    truth, patient = predictions.y_true, predictions.patient
    ranking = ranking_estimates(truth, score, patient, bootstrap)
    return Baseline(ranking, compare(truth, predictions.y_prob, score, patient, bootstrap))


def absent(reason):
    """The Baseline that could not be computed."""
    return Baseline({}, {}, str(reason))


def mean_pooling(predictions, instances, bootstrap):
    """The Baseline of the mean over a bag's slice probabilities."""
    if instances is None:
        return absent(NO_SLICES)
    order = np.argsort(predictions.id)
    bag = order[np.searchsorted(predictions.id, instances.id, sorter=order)]
    count = np.bincount(bag, minlength=len(order))
    if not count.all():
        return absent(f"not computed: bag {predictions.id[np.argmin(count)]} has no slices in the table")
    total = np.bincount(bag, weights=instances.y_prob, minlength=len(order))
    return baseline(predictions, total / count, bootstrap)
