import math

import numpy as np
import pytest
from sklearn import metrics

from mil_tf.data import MemorySource
from mil_tf.training.search import ExactSearch
from mil_tf.training.validation import top_scores, validate


def world(make_bag, labels, seed=0):
    rng = np.random.default_rng(seed)
    source = MemorySource([make_bag(f"bag{i}", 2 + i % 4, 4, label=label, seed=i) for i, label in enumerate(labels)])
    positive = [rng.uniform(size=n).astype(np.float32) for n in source.counts]
    return source, [np.stack([1 - p, p], axis=1) for p in positive]


def test_the_loss_is_the_cross_entropy_of_the_top_slice(make_bag):
    source, scores = world(make_bag, [0, 1, 1, 0, 1, 0, 0])
    found = validate(source, ExactSearch(lambda given, positions: [scores[p] for p in positions]))
    tops = np.array([score[:, 1].max() for score in scores])
    assert found["validation_loss"] == pytest.approx(metrics.log_loss(source.labels[:, 0], tops.astype(float)), rel=1e-6)
    assert found["validation_ap"] == pytest.approx(metrics.average_precision_score(source.labels[:, 0], tops))
    assert found["validation_auc"] == pytest.approx(metrics.roc_auc_score(source.labels[:, 0], tops))


def test_tops_are_positions_in_stored_order(make_bag):
    source, scores = world(make_bag, [0, 1, 0])
    tops, probabilities = top_scores(source, scores)
    for top, probability, score in zip(tops, probabilities, scores):
        assert probability == score[top, 1] == score[:, 1].max()


def test_a_saturated_answer_stays_finite(make_bag):
    source, _ = world(make_bag, [0, 1])
    wrong = [np.float32([[0, 1]] * n) if i == 0 else np.float32([[1, 0]] * n) for i, n in enumerate(source.counts)]
    assert validate(source, ExactSearch(lambda *_: wrong))["validation_loss"] == pytest.approx(-math.log(1e-7))


def test_one_class_has_a_loss_and_no_ranking(make_bag):
    source, scores = world(make_bag, [1, 1])
    found = validate(source, ExactSearch(lambda *_: scores))
    assert math.isfinite(found["validation_loss"])
    assert math.isnan(found["validation_ap"]) and math.isnan(found["validation_auc"])


def test_a_probability_that_is_none_is_not_hidden(make_bag):
    source, scores = world(make_bag, [0, 1])
    scores[1][1] = np.nan
    assert math.isnan(validate(source, ExactSearch(lambda *_: scores))["validation_loss"])
