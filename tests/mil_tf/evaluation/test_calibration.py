"""Reliability equals scikit-learn's, and the expected calibration error is 0 only where it should be."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mil_tf.evaluation.calibration import EDGES, bin_of, calibrate
from mil_tf.evaluation.intervals import PatientBootstrap


def measure(truth, probability, patient=None, resamples=200):
    patient = np.arange(len(truth)).astype(str) if patient is None else patient
    return calibrate(np.asarray(truth), np.asarray(probability, float), patient,
                     PatientBootstrap(patient, resamples, 0))


@pytest.mark.parametrize("seed", range(20))
def test_bins_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    probability = rng.random(150) if seed % 2 else rng.integers(0, 11, 150) / 10
    truth = (rng.random(150) < probability).astype(int)
    found = measure(truth, probability, resamples=20)
    share, mean = calibration_curve(truth, probability, n_bins=10)
    assert [one.positive.value for one in found.bins] == pytest.approx(share, abs=1e-12)
    assert [one.probability for one in found.bins] == pytest.approx(mean, abs=1e-12)
    weight = np.array([one.positive.n for one in found.bins]) / 150
    assert found.error.value == pytest.approx(np.sum(weight * np.abs(share - mean)), abs=1e-12)


def test_bins_hold_their_upper_edge():
    assert bin_of(np.array([0.0, 0.05, EDGES[1], 0.11, 1.0])).tolist() == [0, 0, 0, 1, 9]


def test_certain_and_right_is_0_certain_and_wrong_is_1():
    truth = np.repeat([0, 1], 20)
    assert measure(truth, truth).error[:3] == (0, 0, 0)
    assert measure(truth, 1 - truth).error.value == 1
    assert measure(truth, truth).chance == 0


def test_what_is_calibrated_stays_near_what_chance_alone_makes():
    errors, chances, covered = [], [], 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        probability = rng.random(150) ** 2
        found = measure(rng.random(150) < probability, probability)
        errors.append(found.error.value)
        chances.append(found.chance)
        covered += found.error.low == 0
    assert np.mean(errors) == pytest.approx(np.mean(chances), rel=0.1)
    assert covered > 91  # 97.5 % less four standard errors of 100 simulations


def test_what_is_not_calibrated_is_told_apart_from_chance():
    rng = np.random.default_rng(0)
    probability = rng.random(400)
    found = measure(rng.random(400) < probability ** 3, probability)
    assert found.error.low > found.chance
    assert found.error.low <= found.error.value <= found.error.high


def test_the_interval_is_by_patient():
    rng = np.random.default_rng(1)
    probability = rng.random(100)
    truth = (rng.random(100) < probability ** 2).astype(int)
    alone = measure(truth, probability)
    copies = measure(np.repeat(truth, 3), np.repeat(probability, 3), np.repeat(np.arange(100).astype(str), 3))
    # The resamples are of the same patients, whose names sort alike.
    assert copies.error[:3] == pytest.approx(alone.error[:3], abs=1e-9)


def test_one_bag_has_no_interval():
    found = measure([1], [0.8])
    assert found.error.value == pytest.approx(0.2)
    assert found.error.note == "no interval: one patient only"
    assert found.numbers()["bins"][0]["positive"]["n"] == 1
