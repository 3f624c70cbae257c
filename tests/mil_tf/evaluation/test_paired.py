"""Paired tests equal their definitions, written out as loops over all pairs of bags."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.metrics import average_precision, roc_auc
from mil_tf.evaluation.paired import compare_ap, compare_auc, midranks, placements


def cohort(n=60, seed=0, levels=None, scans=1, gain=0.6):
    """Truth, two scores of which the second sees less, and patients of `scans` bags each."""
    rng = np.random.default_rng(seed)
    patient = np.array([f"p{i // scans}" for i in range(n)])
    truth = (rng.random(n) < 0.4).astype(int)
    truth[:4] = 0, 1, 0, 1
    common = rng.normal(size=n) + rng.normal(size=n)[np.arange(n) // scans]
    first = common + 1.5 * truth + 0.5 * rng.normal(size=n)
    second = common + (1.5 - gain) * truth + 0.5 * rng.normal(size=n)
    if levels:
        first, second = (np.round(score * levels) for score in (first, second))
    return truth, first, second, patient


def wins(positive, negative):
    return 1.0 if positive > negative else 0.5 if positive == negative else 0.0


def kernel(truth, score):
    """wins of each positive over each negative, (positives, negatives)."""
    return np.array([[wins(p, q) for q in score[truth == 0]] for p in score[truth == 1]])


def reference_variance(truth, first, second, patient):
    """Obuchowski (1997), sums written out; with one bag a patient it is DeLong's (1988)."""
    matrix = kernel(truth, first) - kernel(truth, second)
    mean, (m, n) = matrix.mean(), matrix.shape
    of_positive, of_negative = matrix.mean(axis=1), matrix.mean(axis=0)
    positives, negatives = patient[truth == 1], patient[truth == 0]
    s10 = s01 = s11 = 0.0
    for one in set(patient):
        here = sum(v - mean for v, p in zip(of_positive, positives) if p == one)
        there = sum(v - mean for v, p in zip(of_negative, negatives) if p == one)
        s10, s01, s11 = s10 + here ** 2, s01 + there ** 2, s11 + here * there
    i10, i01, i = len(set(positives)), len(set(negatives)), len(set(patient))
    s10, s01, s11 = s10 * i10 / ((i10 - 1) * m), s01 * i01 / ((i01 - 1) * n), s11 * i / (i - 1)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def delong_variance(truth, first, second):
    """DeLong et al. (1988), eq. 4-6 and the contrast (1, -1)."""
    kernels = [kernel(truth, score) for score in (first, second)]
    s10 = np.cov([k.mean(axis=1) for k in kernels])
    s01 = np.cov([k.mean(axis=0) for k in kernels])
    covariance = s10 / kernels[0].shape[0] + s01 / kernels[0].shape[1]
    return covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


@pytest.mark.parametrize(("seed", "levels", "n"), list(itertools.product(range(4), (None, 1), (20, 75))))
def test_equals_delong(seed, levels, n):
    truth, first, second, patient = cohort(n, seed, levels)
    found = compare_auc(truth, first, second, patient)
    value, error = roc_auc(truth, first) - roc_auc(truth, second), np.sqrt(delong_variance(truth, first, second))
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.z == pytest.approx(value / error, rel=1e-9)
    assert found.p == pytest.approx(2 * norm.sf(abs(value / error)), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((value - 1.959964 * error, value + 1.959964 * error), abs=1e-6)
    assert found.method == "DeLong"


@pytest.mark.parametrize(("seed", "levels", "scans"), list(itertools.product(range(4), (None, 1), (1, 2, 5))))
def test_equals_obuchowski(seed, levels, scans):
    truth, first, second, patient = cohort(60, seed, levels, scans)
    found = compare_auc(truth, first, second, patient)
    assert found.value / found.z == pytest.approx(np.sqrt(reference_variance(truth, first, second, patient)), rel=1e-9)
    assert ("clustered" in found.method) == (scans > 1)


def test_copies_of_a_patients_bags_say_nothing_new():
    columns = cohort()
    doubled = [np.repeat(column, 2) for column in columns]
    assert compare_auc(*doubled)[:5] == pytest.approx(compare_auc(*columns)[:5], abs=1e-12)


def test_exchanged_sets_change_the_sign():
    truth, first, second, patient = cohort()
    bootstrap = PatientBootstrap(patient, 300, 0)
    for one, other in [(compare_auc(truth, first, second, patient), compare_auc(truth, second, first, patient)),
                       (compare_ap(truth, first, second, patient, bootstrap),
                        compare_ap(truth, second, first, patient, bootstrap))]:
        assert (one.value, one.low, one.high, one.z) == pytest.approx((-other.value, -other.high, -other.low, -other.z))
        assert one.p == pytest.approx(other.p)


def test_ap_is_tested_as_its_interval_says():
    for seed in range(12):
        truth, first, second, patient = cohort(80, seed, gain=0.8)
        found = compare_ap(truth, first, second, patient, PatientBootstrap(patient, 300, seed))
        assert found.value == pytest.approx(average_precision(truth, first) - average_precision(truth, second))
        assert found.low < found.value < found.high
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_equal_detectors_are_rarely_told_apart():
    p = [compare_auc(*cohort(80, seed, gain=0.0)).p for seed in range(400)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09  # 5 % and three standard errors of 400 draws


def test_midranks_and_placements():
    values = np.array([0.3, 0.1, 0.3, 0.9, 0.1, 0.1])
    assert midranks(values).tolist() == rankdata(values).tolist()
    truth, score, _, _ = cohort(30, levels=1)
    of_positives, of_negatives = placements(truth == 1, score)
    assert of_positives == pytest.approx(kernel(truth, score).mean(axis=1), abs=1e-12)
    assert of_negatives == pytest.approx(kernel(truth, score).mean(axis=0), abs=1e-12)


def test_where_there_is_no_test_it_says_why():
    truth, first, second, patient = cohort()
    bootstrap = PatientBootstrap(patient, 50, 0)
    assert str(compare_auc(truth, first, 2 * first + 1, patient)) == "+0.0000 no test: both rank the bags alike"
    assert compare_ap(truth, first, 2 * first + 1, patient, bootstrap).note == "no test: both rank the bags alike"
    assert str(compare_auc(np.ones(60), first, second, patient)) == "undefined: one class only"
    assert str(compare_ap(np.ones(60), first, second, patient, bootstrap)) == "undefined: one class only"
    one = np.r_[1, np.zeros(59, int)]
    assert "fewer than 2 patients with a positive" in str(compare_auc(one, first, second, patient))
    opposite = compare_auc(truth, truth, 1 - truth, patient)
    assert (opposite.value, opposite.note) == (1, "no test: the difference is the same for every bag")
    assert opposite.numbers() == {"value": 1.0, "low": None, "high": None, "z": None, "p": None, "method": "DeLong",
                                  "note": "no test: the difference is the same for every bag"}
