"""A detector beside a score that knows nothing of what is in a slice, on the same resamples of patients."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import Estimate, difference_estimate, logit_estimate


class Versus(NamedTuple):
    """The detector, the position prior, and detector minus prior on the same resamples."""

    detector: Estimate
    prior: Estimate
    gain: Estimate


def mean_versus(values, patient, bootstrap):
    """Versus of the means over bags of the detector's and the prior's value, `values` of shape (2, bags)."""
    resampled = bootstrap(lambda weights: weighted_means(weights, values), patient)
    patients, means = len(np.unique(patient)), [float(mean) for mean in values.mean(axis=1)]
    gain = difference_estimate(means[0] - means[1], resampled[0] - resampled[1], patients)
    return Versus(*(logit_estimate(mean, one, patients) for mean, one in zip(means, resampled)), gain)


def weighted_means(weights, values):
    """Means (k, r) of each row of `values` (k, n) under each of `weights` (r, n), NaN where all weights are 0."""
    with np.errstate(invalid="ignore"):
        return values @ weights.T / weights.sum(axis=1)
