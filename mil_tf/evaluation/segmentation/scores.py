"""Table 1 of parida2021: mean (median) ± standard deviation of each metric over cases, before and after, the change of
the median, and what the paper has not: intervals and a paired test.

The paper's "±" cannot be standard deviations: a mean and a median lie at most one apart, and its 0.611 (0.754) ± 0.135
lie 0.143. As variances they fit. Here ± is the standard deviation; tables have the variance beside it.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import wilcoxon

from mil_tf.evaluation.intervals import Estimate, PatientBootstrap, bootstrap_estimate
from mil_tf.evaluation.paired import Difference, resampled_difference
from mil_tf.evaluation.segmentation.cases import METRICS, cases_of
from mil_tf.evaluation.segmentation.counts import MODELS
from mil_tf.evaluation.versus import weighted_means

NO_CASE = "undefined: no case in which it is defined"
ALIKE = "no test: all alike"
METHOD = "bootstrap by patient"


class Summary(NamedTuple):
    """A metric of a model over its cases: `mean` an Estimate, `median`, `std` and `n` cases in which it is defined.

    `std` divides by n - 1; NaN for one case.
    """

    mean: Estimate
    median: float
    std: float
    n: int


class Change(NamedTuple):
    """After minus before.

    Attributes:
        median: difference of the medians, as the paper has it.
        mean: Difference of the means, over the `n` cases in which both are defined.
        p: two-sided, of Wilcoxon's signed-rank test over the patients' mean differences; NaN with a `note` that says
            why where there is none.
    """

    median: float
    mean: Difference
    p: float
    n: int
    note: str = ""


class Part(NamedTuple):
    """A data set and type: its `cases`, `summaries` {model: {metric: Summary}}, `changes` {metric: Change}."""

    cases: object
    summaries: dict
    changes: dict


class Scores(NamedTuple):
    """`parts` lists Part, `unit` says what a case is."""

    parts: list
    unit: str


def score_segmentations(rows, unit="patient", resamples=2000, seed=0):
    """The Scores of a list of `mil_tf.evaluation.segmentation.counts.Row`.

    Args:
        rows: of both models, of the same slices.
        unit: "patient", whose slices' counts are summed, or "slice".
        resamples, seed: of the bootstrap.

    Raises:
        ValueError: see `cases_of`.
    """
    return Scores([_part(cases, resamples, seed) for cases in cases_of(rows, unit)], unit)


def _part(cases, resamples, seed):
    bootstrap = PatientBootstrap(cases.patient, resamples, seed)
    summaries = {model: {metric: summary(values, cases.patient, bootstrap) for metric, values in zip(METRICS, of)}
                 for model, of in zip(MODELS, cases.values)}
    changes = {metric: change(before, after, cases.patient, bootstrap)
               for metric, before, after in zip(METRICS, *cases.values)}
    return Part(cases, summaries, changes)


def summary(values, patient, bootstrap):
    """The Summary of a metric.

    Args:
        values: of the cases (n,), NaN where undefined.
        patient: of each (n,).
        bootstrap: PatientBootstrap that knows them.
    """
    known = ~np.isnan(values)
    n = int(known.sum())
    if not n:
        return Summary(Estimate.undefined(NO_CASE), float("nan"), float("nan"), 0)
    values, patient = values[known], patient[known]
    resampled = _resampled_means(values, patient, bootstrap)
    mean = bootstrap_estimate(float(values.mean()), resampled, len(np.unique(patient)), NO_CASE)
    return Summary(mean, float(np.median(values)), float(values.std(ddof=1)) if n > 1 else float("nan"), n)


def change(before, after, patient, bootstrap):
    """The Change of a metric; arguments as of `summary`."""
    medians = [float(np.median(v[~np.isnan(v)])) if not np.isnan(v).all() else float("nan") for v in (before, after)]
    both = ~np.isnan(before) & ~np.isnan(after)
    n, difference, patient = int(both.sum()), (after - before)[both], patient[both]
    if not n:
        nothing = Difference.untested(float("nan"), METHOD, NO_CASE)
        return Change(medians[1] - medians[0], nothing, float("nan"), 0, NO_CASE)
    resampled = _resampled_means(difference, patient, bootstrap)
    mean = resampled_difference(difference.mean(), resampled, len(np.unique(patient)), METHOD)
    p, note = signed_rank(difference, patient)
    return Change(medians[1] - medians[0], mean, p, n, note)


def _resampled_means(values, patient, bootstrap):
    return bootstrap(lambda weights: weighted_means(weights, values[None]), patient)[0]


def signed_rank(difference, patient):
    """(p, why there is none) of Wilcoxon's signed-rank test, two-sided.

    Its trials are patients, by their mean difference: slices of one are not independent. Differences of 0 are left out,
    as Wilcoxon did.
    """
    _, owner = np.unique(patient, return_inverse=True)
    means = np.bincount(owner, weights=difference) / np.bincount(owner)
    if np.all(np.abs(means) < 1e-12):
        return float("nan"), ALIKE
    return float(wilcoxon(means).pvalue), ""
