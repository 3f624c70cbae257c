"""Decisions by thresholds equal scikit-learn's precision, recall and F1; thresholds come from validation alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from mil_tf.evaluation.fields.decided import decide, paper_thresholds, validation_thresholds
from mil_tf.evaluation.fields.tables import Fields
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.threshold import choose_threshold


def table(seed, n=40, k=4):
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, k)) < rng.choice([0.1, 0.4])).astype(np.int64)
    truth[:, -1] = 0
    ids = np.array([f"i{row}" for row in range(n)])
    scores = np.clip(0.4 * truth + 0.7 * rng.random((n, k)), 0, 1).round(2)
    blank = np.array([""] * n)
    return Fields(Path("t.csv"), tuple("abcd"), ids, np.array([f"w{row // 2}" for row in range(n)]), blank, blank, truth,
                  scores)


@pytest.mark.parametrize("seed", range(12))
def test_rates_equal_scikit_learn(seed):
    images = table(seed)
    thresholds = {"a": 0.5, "b": 0.3, "c": 0.9, "d": 0.99}
    found = decide("at", thresholds, images, PatientBootstrap(images.patient, 30))
    truth, called = images.y_true, (images.y_prob >= list(thresholds.values())).astype(int)
    own = precision_recall_fscore_support(truth, called, zero_division=np.nan)
    for row, rate in enumerate(("precision", "recall", "f1")):
        for at, name in enumerate("abcd"):
            one = found.by_class[rate][name]
            assert one.value == pytest.approx(own[row][at], nan_ok=True), (rate, name)
            assert np.isnan(one.value) == bool(one.note)
    real = np.flatnonzero(truth.any(axis=0))
    macro = precision_recall_fscore_support(truth, called, labels=real, average="macro", zero_division=0)
    micro = precision_recall_fscore_support(truth, called, average="micro", zero_division=0)
    for row, rate in enumerate(("precision", "recall", "f1")):
        assert found.average["macro", rate].value == pytest.approx(macro[row])
        assert found.average["micro", rate].value == pytest.approx(micro[row])
        for how in ("macro", "micro"):
            one = found.average[how, rate]
            assert one.low <= one.value <= one.high


def test_each_class_has_a_threshold_of_its_own():
    images = table(1)
    found = validation_thresholds(images)
    for at, name in enumerate("abc"):
        assert found[name] == choose_threshold(images.y_true[:, at], images.y_prob[:, at])
    assert found["d"] == 0.5  # on no image, so nothing can be chosen
    assert paper_thresholds("ab") == {"a": 0.5, "b": 0.5}


def test_numbers_are_plain():
    images = replace(table(2), y_true=np.zeros((40, 4), dtype=np.int64))
    found = decide("at 0.5", paper_thresholds("abcd"), images, PatientBootstrap(images.patient, 20)).numbers()
    assert found["recall_macro"]["value"] is None and found["precision_micro"]["value"] == 0
    assert found["classes"]["a"]["recall"]["value"] is None and found["classes"]["a"]["threshold"] == 0.5
