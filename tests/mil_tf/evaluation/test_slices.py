"""Slice metrics: pooled, within patients, the top slice, each beside what position alone scores."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.slices import position_prior, slice_metrics
from mil_tf.evaluation.tables import Instances, Predictions, TableError

DEPTH = 20


def tables(bags=30, seed=0, known_negatives=True, skill=1.0):
    """Half of the bags positive, with 4 positive slices each; rows in random order."""
    rng = np.random.default_rng(seed)
    label = np.arange(bags) % 2
    truth = np.zeros((bags, DEPTH), dtype=int)
    for bag in np.flatnonzero(label):
        start = rng.integers(0, DEPTH - 4)
        truth[bag, start:start + 4] = 1
    score = 1 / (1 + np.exp(-rng.normal(skill * truth, 1)))
    ids = np.array([f"bag{i}" for i in range(bags)])
    patient = np.array([f"p{i // 2}" for i in range(bags)])
    predictions = Predictions(Path("predictions-t.csv"), ids, patient, label, score.max(axis=1),
                              10 + score.argmax(axis=1))
    shown = truth if known_negatives else np.where(label[:, None] == 1, truth, -1)
    order = rng.permutation(bags * DEPTH)
    index = np.tile(np.arange(10, 10 + DEPTH), bags)
    instances = Instances(Path("instances-t.csv"), np.repeat(ids, DEPTH)[order], index[order],
                          5.0 * index[order] - 100, shown.ravel()[order], score.ravel()[order])
    return predictions, instances, truth, score


def measure(predictions, instances, resamples=200):
    return slice_metrics(predictions, instances, PatientBootstrap(predictions.patient, resamples, 0))


def test_values_equal_scikit_learn():
    predictions, instances, truth, score = tables()
    prior = np.tile(-np.abs(np.arange(DEPTH) - (DEPTH - 1) / 2), len(truth))
    result, flat = measure(predictions, instances), truth.ravel()
    expected = roc_auc_score(flat, score.ravel()), roc_auc_score(flat, prior)
    assert result["pooled_auc"].detector.value == pytest.approx(expected[0], abs=1e-12)
    assert result["pooled_auc"].prior.value == pytest.approx(expected[1], abs=1e-12)
    assert result["pooled_auc"].gain.value == pytest.approx(expected[0] - expected[1], abs=1e-12)
    ap = average_precision_score(flat, score.ravel())
    assert result["pooled_ap"].detector.value == pytest.approx(ap, abs=1e-12)
    within = np.mean([roc_auc_score(t, s) for t, s in zip(truth, score) if t.any()])
    assert result["within_auc"].detector.value == pytest.approx(within, abs=1e-12)
    hits = [t[s.argmax()] for t, s in zip(truth, score) if t.any()]
    assert (result["top_hit"].detector.k, result["top_hit"].detector.n) == (sum(hits), len(hits))


def test_counts_stand_beside_the_numbers():
    predictions, instances, _, _ = tables()
    assert measure(predictions, instances)["counts"] == {
        "slices": 600, "positive_slices": 60, "bags": 30, "patients": 15,
        "mixed_bags": 15, "mixed_patients": 15}


def test_gain_is_paired():
    predictions, instances, _, _ = tables(skill=1.5)
    versus = measure(predictions, instances)["within_auc"]
    assert versus.gain.low < versus.gain.value < versus.gain.high
    itself = Instances(instances.path, instances.id, instances.source_index, instances.position,
                       instances.y_true, 1 + position_prior(instances.position) / 1000)
    same = measure(predictions, itself)["pooled_auc"].gain
    assert same[:3] == pytest.approx((0, 0, 0), abs=1e-12)


def test_slices_of_a_negative_bag_are_negative():
    known, unknown = tables(), tables(known_negatives=False)
    assert measure(*known[:2]) == measure(*unknown[:2])


def test_unknown_slices_of_a_positive_bag_are_left_out():
    predictions, instances, truth, score = tables()
    hidden = (instances.id == "bag1") & (instances.source_index < 20)
    instances.y_true[hidden] = -1
    result = measure(predictions, instances)
    assert result["counts"]["slices"] == 590
    kept = np.ones(truth.shape, dtype=bool)
    kept[1, :10] = False
    expected = roc_auc_score(truth[kept], score[kept])
    assert result["pooled_auc"].detector.value == pytest.approx(expected, abs=1e-12)


def test_no_truth_no_metrics():
    predictions, instances, _, _ = tables()
    instances.y_true[:] = -1
    assert measure(predictions, instances) is None


def test_no_positive_slice_is_undefined_and_says_so():
    predictions, instances, _, _ = tables()
    instances.y_true[:] = 0
    result = measure(predictions, instances)
    assert str(result["pooled_auc"].detector) == "undefined: one class only"
    assert str(result["within_auc"].gain) == "undefined: one class only"
    assert str(result["top_hit"].prior) == "undefined: no positive bag with slice truth"


def test_position_prior_is_symmetric_in_spite_of_rounding():
    prior = position_prior(0.1 * np.arange(7) + 1e-9 * np.arange(7) ** 2)
    assert prior.argmax() == 3
    assert np.array_equal(prior, prior[::-1])


def test_without_a_named_top_the_most_probable_slice_is_taken():
    predictions, instances, _, _ = tables()
    nameless = Predictions(predictions.path, predictions.id, predictions.patient, predictions.y_true,
                           predictions.y_prob, None)
    assert measure(nameless, instances)["top_hit"] == measure(predictions, instances)["top_hit"]


def test_a_top_slice_that_is_none_is_refused():
    predictions, instances, _, _ = tables()
    predictions.top_instance[3] = 99
    with pytest.raises(TableError, match="top_instance 99 of bag bag3 is not one of its slices"):
        measure(predictions, instances)


def test_where_every_bag_is_a_slice_they_are_measured_as_the_slices_of_their_scan():
    predictions, instances, _, _ = tables()
    names = np.char.add(np.char.add(instances.id, "/"), instances.source_index.astype(str))
    owner = {id: patient for id, patient in zip(predictions.id, predictions.patient)}
    patient = np.array([owner[id] for id in instances.id])
    single = Predictions(predictions.path, names, patient, instances.y_true, instances.y_prob)
    alone = Instances(instances.path, names, *(getattr(instances, name) for name in
                                               ("source_index", "position", "y_true", "y_prob")))
    assert measure(single, alone) == measure(predictions, instances)
