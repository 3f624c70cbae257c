"""Baselines stand beside the detector, with its gain over them on the same resamples."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mil_tf.evaluation.beside import absent, baseline, mean_pooling
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.tables import Instances, Predictions


def tables(bags=40, depth=12, seed=0):
    """Positive bags hold two slices of high probability: the mean over slices sees little of them."""
    rng = np.random.default_rng(seed)
    label, ids = np.arange(bags) % 2, np.array([f"b{i}" for i in range(bags)])
    score = rng.random((bags, depth)) * 0.7
    score[:, :2] += 0.25 * label[:, None]
    predictions = Predictions(Path("predictions-t.csv"), ids, ids, label, score.max(axis=1))
    order = rng.permutation(bags * depth)
    index = np.tile(np.arange(depth), bags)[order]
    instances = Instances(Path("instances-t.csv"), np.repeat(ids, depth)[order], index, 5.0 * index,
                          np.full(bags * depth, -1), score.ravel()[order])
    return predictions, instances, score


def test_mean_pooling_is_the_mean_of_a_bags_slices():
    predictions, instances, score = tables()
    found = mean_pooling(predictions, instances, PatientBootstrap(predictions.patient, 200, 0))
    mean, truth = score.mean(axis=1), predictions.y_true
    assert found.ranking["ap"].value == pytest.approx(average_precision_score(truth, mean), abs=1e-12)
    gain = roc_auc_score(truth, score.max(axis=1)) - roc_auc_score(truth, mean)
    assert found.gain["auc"].value == pytest.approx(gain, abs=1e-12)
    assert found.gain["ap"].low < found.gain["ap"].value < found.gain["ap"].high


def test_a_detector_gains_nothing_over_itself():
    predictions, _, score = tables()
    found = baseline(predictions, predictions.y_prob, PatientBootstrap(predictions.patient, 50, 0))
    assert {gain.note for gain in found.gain.values()} == {"no test: both rank the bags alike"}


def test_what_is_missing_is_said():
    predictions, instances, _ = tables()
    bootstrap = PatientBootstrap(predictions.patient, 20, 0)
    assert mean_pooling(predictions, None, bootstrap).note == "not computed: no table of slices"
    kept = instances.id != "b3"
    fewer = Instances(instances.path, *(getattr(instances, c)[kept] for c in
                                        ("id", "source_index", "position", "y_true", "y_prob")))
    assert mean_pooling(predictions, fewer, bootstrap).note == "not computed: bag b3 has no slices in the table"
    assert absent("no reason").numbers() == {"note": "no reason"}
