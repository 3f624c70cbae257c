"""Intervals: seeded, by patient, inside [0, 1], never degenerate, and as wide as they should be."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from mil_tf.evaluation.intervals import (
    Estimate,
    PatientBootstrap,
    difference_estimate,
    effective_trials,
    logit_estimate,
    ranking_estimates,
    rate_estimate,
    wilson,
)
from mil_tf.evaluation.metrics import MetricUndefined


def cohort(n=80, seed=0, shift=1.5):
    rng = np.random.default_rng(seed)
    truth = (np.arange(n) % 3 == 0).astype(int)
    return truth, rng.normal(size=n) + shift * truth, np.array([f"p{i}" for i in range(n)])


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (98, 105), (1, 1)])
def test_wilson_equals_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_undefined():
    with pytest.raises(MetricUndefined, match="no bag to count"):
        wilson(0, 0)


def test_bootstrap_is_seeded():
    truth, score, patient = cohort()
    first, again, other = (ranking_estimates(truth, score, patient, PatientBootstrap(patient, 200, seed))
                           for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_patients_are_drawn_whole():
    patient = np.array(["a", "b", "b", "c", "c", "c"])
    bootstrap = PatientBootstrap(patient, 50, 0)
    drawn = bootstrap(lambda weights: weights.T, patient)
    assert (drawn[1] == drawn[2]).all()
    assert (drawn[3] == drawn[4]).all()
    assert (drawn[4] == drawn[5]).all()
    assert (drawn[0] + drawn[1] + drawn[3] == 3).all()
    assert len(np.unique(drawn, axis=1).T) > 5


def test_how_many_are_drawn_at_once_does_not_matter(monkeypatch):
    patient = np.arange(40).astype(str)
    expected = PatientBootstrap(patient, 30, 5).weights
    rng = np.random.default_rng(5)
    alone = [np.bincount(rng.integers(0, 40, 40), minlength=40) for _ in range(30)]
    assert expected.tolist() == np.array(alone).tolist()
    monkeypatch.setattr("mil_tf.evaluation.intervals.DRAWN_AT_ONCE", 100)
    assert (PatientBootstrap(patient, 30, 5).weights == expected).all()


def test_blocks_do_not_change_the_bootstrap():
    patient = np.repeat([f"p{i:03d}" for i in range(50)], 100)
    values = np.random.default_rng(0).random(5000)
    bootstrap = PatientBootstrap(patient, 1000, 0)
    expected = bootstrap.weights @ np.bincount(np.repeat(np.arange(50), 100), weights=values)
    assert bootstrap(lambda weights: weights @ values, patient) == pytest.approx(expected)


def test_copies_of_a_patient_narrow_nothing():
    truth, score, patient = cohort()
    alone = ranking_estimates(truth, score, patient, PatientBootstrap(patient, 500, 0))
    tripled = [np.repeat(column, 3) for column in (truth, score, patient)]
    copies = ranking_estimates(*tripled, PatientBootstrap(tripled[2], 500, 0))
    for name in ("ap", "auc"):
        assert copies[name] == pytest.approx(alone[name][:3] + (None, None, ""), abs=1e-9)


def test_intervals_hold_the_value_and_shrink_with_n():
    widths = {}
    for n in (60, 600):
        truth, score, patient = cohort(n)
        estimates = ranking_estimates(truth, score, patient, PatientBootstrap(patient, 500, 0))
        for name, estimate in estimates.items():
            assert 0 < estimate.low < estimate.value < estimate.high < 1
            widths[name, n] = estimate.high - estimate.low
    assert widths["ap", 600] < widths["ap", 60] / 2
    assert widths["auc", 600] < widths["auc", 60] / 2


def test_intervals_cover_the_truth():
    covered, simulations = {"ap": 0, "auc": 0}, 300
    shift = norm.ppf(0.9) * np.sqrt(2)
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        truth = (rng.random(150) < 0.3).astype(int)
        patient = np.arange(150).astype(str)
        estimates = ranking_estimates(truth, rng.normal(size=150) + shift * truth, patient,
                                      PatientBootstrap(patient, 200, seed))
        for name, true_value in (("ap", 0.812), ("auc", 0.9)):
            covered[name] += estimates[name].low <= true_value <= estimates[name].high
    # 92 % less three standard errors of 300 simulations; what is too wide fails the test of the widths.
    assert covered["ap"] > 0.873 * simulations
    assert covered["auc"] > 0.873 * simulations


def test_a_perfect_ranking_still_has_an_interval():
    truth, patient = np.repeat([0, 1], 20), np.arange(40).astype(str)
    estimates = ranking_estimates(truth, truth * 0.9, patient, PatientBootstrap(patient, 500, 0))
    for estimate in estimates.values():
        assert estimate.value == estimate.high == 1
        assert 0.6 < estimate.low < 0.99


def test_equal_scores_are_chance():
    truth, patient = np.repeat([0, 1], 20), np.arange(40).astype(str)
    estimates = ranking_estimates(truth, np.full(40, 0.3), patient, PatientBootstrap(patient, 200, 0))
    assert estimates["auc"][:3] == (0.5, 0.5, 0.5)
    assert estimates["ap"].low < 0.5 < estimates["ap"].high


def test_one_class_and_one_patient_say_why_there_is_no_interval():
    patient = np.array(["a", "b"])
    undefined = ranking_estimates([1, 1], [0.1, 0.2], patient, PatientBootstrap(patient, 20, 0))
    assert str(undefined["ap"]) == "undefined: one class only"
    alone = np.array(["a", "a"])
    estimate = ranking_estimates([0, 1], [0.1, 0.2], alone, PatientBootstrap(alone, 20, 0))["auc"]
    assert str(estimate) == "1.000 no interval: one patient only"
    assert difference_estimate(0.1, np.zeros(20), 1).note == "no interval: one patient only"


def test_mean_at_the_border_gets_wilson():
    assert logit_estimate(1.0, np.ones(20), 12)[1:3] == wilson(12, 12)


def test_rate_of_single_scans_is_wilson():
    success = np.array([True] * 7 + [False] * 3)
    estimate = rate_estimate(np.ones(10, dtype=bool), success, np.arange(10))
    assert estimate == Estimate(0.7, *wilson(7, 10), k=7, n=10)


def test_scans_of_a_patient_that_agree_count_once():
    success, patient = np.repeat([True, False, True, True], 5), np.repeat(np.arange(4), 5)
    assert effective_trials(success, patient) == pytest.approx(3, abs=1.01)
    assert effective_trials(np.ones(20, dtype=bool), patient) == 4
    clustered = rate_estimate(np.ones(20, dtype=bool), success, patient)
    naive = wilson(15, 20)
    assert clustered.low < naive[0]
    assert clustered.high > naive[1]


def test_rate_of_no_bag_is_undefined():
    estimate = rate_estimate(np.zeros(3, dtype=bool), np.ones(3, dtype=bool), np.arange(3))
    assert (str(estimate), estimate.k, estimate.n) == ("undefined: no bag to count", 0, 0)
    assert estimate.numbers() == {"value": None, "low": None, "high": None, "k": 0, "n": 0,
                                  "note": "undefined: no bag to count"}
