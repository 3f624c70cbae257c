"""What is measured on validation fields, against scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, log_loss

from mil_tf.training.field_scoring import Answers
from mil_tf.training.field_validation import METRICS, errors, mean_average_precision, validate


class Source(SimpleNamespace):
    def __len__(self):
        return len(self.labels)


def table(single, n=40, k=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.eye(k, dtype=int)[rng.integers(k, size=n)] if single else rng.integers(0, 2, (n, k))
    scores = rng.dirichlet(np.ones(k), n) if single else rng.uniform(0, 1, (n, k))
    return truth, scores.astype(np.float32), rng.uniform(0, 1, (n, k)).astype(np.float32)


def measured(single, pooled=True):
    truth, scores, pool = table(single)
    ending = "softmax" if single else "sigmoid"
    return validate(Source(labels=truth), lambda source, positions: Answers(pool, scores), ending, pooled), truth, scores, pool


def binary(truth, scores):
    return sum(log_loss(t, p, labels=[0, 1]) for t, p in zip(truth.T, scores.T.astype(np.float64)))


def test_one_class_a_field():
    found, truth, scores, pool = measured(True)
    assert tuple(found) == METRICS
    assert found["validation_error"] == pytest.approx(1 - accuracy_score(truth.argmax(1), scores.argmax(1)))
    assert found["validation_map"] == pytest.approx(average_precision_score(truth, scores))
    last = log_loss(truth.argmax(1), scores.astype(np.float64) / scores.astype(np.float64).sum(1, keepdims=True))
    assert found["validation_loss"] == pytest.approx(last + binary(truth, pool), rel=1e-5)
    assert measured(True, False)[0]["validation_loss"] == pytest.approx(last, rel=1e-5)


def test_several_classes_a_field():
    found, truth, scores, pool = measured(False)
    assert found["validation_error"] == pytest.approx(((scores >= 0.5) != truth).mean())
    assert found["validation_map"] == pytest.approx(average_precision_score(truth, scores))
    assert found["validation_loss"] == pytest.approx(binary(truth, scores) + binary(truth, pool), rel=1e-5)


def test_a_class_that_all_or_none_have_is_left_out_of_the_mean():
    truth, scores, _ = table(False)
    truth[:, 1], truth[:, 2] = 1, 0
    expected = np.mean([average_precision_score(truth[:, i], scores[:, i]) for i in (0, 3)])
    assert mean_average_precision(truth == 1, scores) == pytest.approx(expected)
    assert np.isnan(mean_average_precision(truth[:, 1:3] == 1, scores[:, 1:3]))


def test_saturated_answers_stay_finite():
    truth = np.eye(2, dtype=int)
    found = validate(Source(labels=truth), lambda *given: Answers(1.0 - truth, 1.0 - truth), "softmax", True)
    assert np.isfinite(found["validation_loss"]) and found["validation_error"] == 1
    assert errors(truth == 1, truth.astype(float), "sigmoid").tolist() == [0, 0]
