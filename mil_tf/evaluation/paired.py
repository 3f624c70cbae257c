"""Whether two sets of predictions of the same bags differ: a paired test for each ranking metric.

AUC: the test of DeLong, DeLong and Clarke-Pearson (Biometrics 1988), its placement values from midranks (Sun and Xu,
IEEE Signal Processing Letters 2014). Where patients have several bags, placement values are summed by patient first
(Obuchowski, Biometrics 1997); with one bag a patient that is exactly DeLong's variance, so one formula serves both.

Average precision has no such variance; its difference is resampled by patient, and its p value is that of the
interval: below 0.05 where the 95 % interval leaves out 0.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtr

from mil_tf.evaluation.intervals import ONE_PATIENT, Estimate, Z, bootstrap_error, difference_estimate, plain
from mil_tf.evaluation.metrics import MetricUndefined, Ranking, ranking_metrics

FEW = "no test: fewer than 2 patients with a positive or with a negative bag"
ALIKE = "no test: both rank the bags alike"
NO_SPREAD = "no test: the difference is the same for every bag"


class Difference(NamedTuple):
    """First minus second: `value` with its 95 % interval, the statistic `z` (or t) and the two-sided `p`.

    `method` names the test; NaN with a `note` that says why where there is none.
    """

    value: float
    low: float
    high: float
    z: float
    p: float
    method: str
    note: str = ""

    @classmethod
    def untested(cls, value, method, note):
        nothing = float("nan")
        return cls(float(value), nothing, nothing, nothing, nothing, method, note)

    def numbers(self):
        """As a dict of JSON values."""
        return plain(self._asdict())

    def estimate(self):
        """The Estimate of it, for a table of values with intervals."""
        return Estimate(self.value, self.low, self.high, note=self.note)

    def __str__(self):
        if np.isnan(self.value):
            return self.note
        if np.isnan(self.p):
            return f"{self.value:+.4f} {self.note}"
        statistic = "z" if self.method.startswith("DeLong") else "t"
        return f"{self.value:+.4f} [{self.low:+.4f}, {self.high:+.4f}], {statistic} = {self.z:.2f}, {self.p_text}"

    @property
    def p_text(self):
        """The p value in words, empty where there is none."""
        return "" if np.isnan(self.p) else "p < 0.0001" if self.p < 1e-4 else f"p = {self.p:.4f}"


def compare(y_true, first, second, patient, bootstrap):
    """Both differences of two sets of scores of the same bags.

    Args:
        y_true, first, second, patient: truth, the two scores, and patient of each bag, all (n,).
        bootstrap: PatientBootstrap of these patients.

    Returns:
        {"ap": Difference, "auc": Difference}.
    """
    return {"ap": compare_ap(y_true, first, second, patient, bootstrap),
            "auc": compare_auc(y_true, first, second, patient)}


def compare_auc(y_true, first, second, patient):
    """DeLong's test of two AUCs on the same bags, by patient where one has several."""
    truth = np.asarray(y_true).astype(bool)
    several = len(np.unique(patient)) < len(truth)
    method = "DeLong, clustered by patient (Obuchowski)" if several else "DeLong"
    if truth.all() or not truth.any():
        return Difference.untested(float("nan"), method, "undefined: one class only")
    pairs = zip(placements(truth, first), placements(truth, second))
    of_positives, of_negatives = (one - other for one, other in pairs)
    value = of_positives.mean()
    variance = _variance(of_positives - value, of_negatives - value, patient[truth], patient[~truth])
    if variance is None:
        return Difference.untested(value, method, FEW)
    # Rounding leaves a few units of the last place where every difference is the same.
    if variance <= 1e-30:
        return Difference.untested(value, method, ALIKE if abs(value) < 1e-12 else NO_SPREAD)
    error = np.sqrt(variance)
    low, high = max(-1.0, value - Z * error), min(1.0, value + Z * error)
    return Difference(float(value), float(low), float(high), float(value / error),
                      float(2 * ndtr(-abs(value / error))), method)


def placements(truth, score):
    """Placement values: share of the other class that each bag beats, ties as one half.

    Args:
        truth: boolean, shape (n,), with both classes.
        score: shape (n,).

    Returns:
        (of the positives, of the negatives): how many negatives each positive beats, and how many positives beat
        each negative, as shares; the mean of either is the AUC.
    """
    score = np.asarray(score, dtype=np.float64)
    ranks, positive, negative = midranks(score), score[truth], score[~truth]
    return ((ranks[truth] - midranks(positive)) / len(negative),
            1 - (ranks[~truth] - midranks(negative)) / len(positive))


def midranks(values):
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _variance(of_positives, of_negatives, patient_of_positives, patient_of_negatives):
    """Variance of a mean placement value, from deviations summed by patient; None for too few patients.

    Obuchowski's three terms: positives between patients, negatives between patients, and twice what the positives and
    the negatives of a patient have in common.
    """
    patients = np.union1d(patient_of_positives, patient_of_negatives)
    by_patient = []
    for deviation, owner in ((of_positives, patient_of_positives), (of_negatives, patient_of_negatives)):
        sums = np.bincount(np.searchsorted(patients, owner), weights=deviation, minlength=len(patients))
        by_patient.append((sums / len(deviation), len(np.unique(owner))))
    (positive, with_positive), (negative, with_negative) = by_patient
    if min(with_positive, with_negative) < 2:
        return None
    count = len(patients)
    return (with_positive / (with_positive - 1) * np.sum(positive ** 2)
            + with_negative / (with_negative - 1) * np.sum(negative ** 2)
            + 2 * count / (count - 1) * np.sum(positive * negative))


def compare_ap(y_true, first, second, patient, bootstrap):
    """Difference of two average precisions on the same resamples of patients."""
    method = "bootstrap by patient"
    try:
        values = [ranking_metrics(y_true, score)[0] for score in (first, second)]
    except MetricUndefined as reason:
        return Difference.untested(float("nan"), method, str(reason))
    rankings = [Ranking(y_true, score) for score in (first, second)]
    resampled = bootstrap(lambda weights: [ranking(weights)[0] for ranking in rankings], patient)
    return resampled_difference(values[0] - values[1], resampled[0] - resampled[1], len(np.unique(patient)), method)


def resampled_difference(value, resampled, patients, method):
    """Difference with Student's t on the bootstrap's standard error, as `difference_estimate` has its interval."""
    if patients < 2:
        return Difference.untested(value, method, ONE_PATIENT)
    error = bootstrap_error(resampled, patients)
    if error < 1e-15:
        return Difference.untested(value, method, ALIKE if abs(value) < 1e-12 else NO_SPREAD)
    estimate = difference_estimate(value, resampled, patients)
    p = 2 * stdtr(patients - 1, -abs(value / error))
    return Difference(float(value), estimate.low, estimate.high, float(value / error), float(p), method)
