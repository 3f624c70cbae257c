"""How far the top slice lies from a truly positive one, in mm, beside the middle of the head."""

from pathlib import Path

import numpy as np
import pytest

from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.localisation import weighted_medians
from mil_tf.evaluation.slices import slice_metrics
from mil_tf.evaluation.tables import Instances, Predictions

DEPTH, STEP = 11, 5.0


def measure(tops, positives, hide=(), patient=None, resamples=200):
    """Slice metrics of positive bags, the places of their top and of their truly positive slices given, and of a
    negative bag.
    """
    bags = len(tops) + 1
    ids = np.array([f"b{i}" for i in range(bags)])
    truth, score = np.zeros((bags, DEPTH), int), np.full((bags, DEPTH), 0.1)
    for bag, (top, positive) in enumerate(zip(tops, positives)):
        score[bag, top], truth[bag, positive] = 0.9, 1
    for bag, place in hide:
        truth[bag, place] = -1
    label = np.r_[np.ones(len(tops), int), 0]
    patient = ids if patient is None else np.array(patient)
    predictions = Predictions(Path("predictions-t.csv"), ids, patient, label, score.max(axis=1))
    index = np.tile(np.arange(DEPTH), bags)
    instances = Instances(Path("instances-t.csv"), np.repeat(ids, DEPTH), index, STEP * index, truth.ravel(),
                          score.ravel())
    return slice_metrics(predictions, instances, PatientBootstrap(patient, resamples, 0))


def test_distances_of_the_detector_and_of_the_middle():
    found = measure(tops=[3, 3, 9], positives=[3, 5, 1])
    mean, median = found["top_distance_mean"], found["top_distance_median"]
    assert mean.detector.value == pytest.approx((0 + 10 + 40) / 3)
    assert mean.prior.value == pytest.approx((10 + 0 + 20) / 3)
    assert mean.gain.value == pytest.approx(10 - 50 / 3)
    assert (median.detector.value, median.prior.value, median.gain.value) == (10, 10, 0)
    assert found["top_hit"].detector.k == 1


def test_the_nearest_of_several_positive_slices_counts():
    detector = measure(tops=[0], positives=[[2, 8]])["top_distance_mean"].detector
    assert detector.value == 10
    assert detector.note == "no interval: one patient only"


def test_intervals_hold_the_value_and_are_by_patient():
    rng = np.random.default_rng(0)
    tops, positives = rng.integers(0, DEPTH, 30), rng.integers(0, DEPTH, 30)
    alone = measure(tops, positives)
    for versus in (alone["top_distance_mean"], alone["top_distance_median"]):
        for estimate in versus:
            assert estimate.low <= estimate.value <= estimate.high
    patients = [f"p{i // 10}" for i in range(30)] + ["q"]
    clustered = measure(tops, positives, patient=patients)["top_distance_mean"].detector
    assert clustered.value == alone["top_distance_mean"].detector.value


def test_bags_whose_top_slice_is_unknown_are_left_out():
    assert measure([3, 9], [3, 1])["top_hit"].detector.n == 2
    found = measure([3, 9], [3, 1], hide=[(1, 9)])
    assert found["top_hit"].detector.n == 1
    assert found["top_distance_mean"].detector.value == 0


def test_no_positive_slice_is_undefined():
    found = measure([3], [3], hide=[(0, 3)])
    assert str(found["top_distance_mean"].prior) == "undefined: no positive bag with slice truth"


@pytest.mark.parametrize("seed", range(10))
def test_weighted_medians_are_those_of_repeated_values(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.integers(0, 5, (2, 9)).astype(float), rng.integers(0, 4, (6, 9))
    weights[0] = 0
    weights[1:, 0] = 1
    found = weighted_medians(weights, values)
    assert np.isnan(found[:, 0]).all()
    expected = [[np.median(np.repeat(row, weight)) for weight in weights[1:]] for row in values]
    assert found[:, 1:].tolist() == expected
