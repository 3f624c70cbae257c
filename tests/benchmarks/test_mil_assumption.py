"""The MIL-assumption tests of Raff & Holt (2023) on every pooling, smaller than the benchmark's."""

import numpy as np
import pytest

from benchmarks import mil_assumption
from benchmarks.mil_assumption import MODELS, TESTS, aucs, bags
from mil_tf.pooling.names import POOLINGS


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in (("BAGS", 4000), ("SCORED", 400), ("STEPS", 300)):
        monkeypatch.setattr(mil_assumption, name, value)


def test_every_pooling_has_a_row():
    assert {text.partition("(")[0] for text, _ in MODELS.values()} == set(POOLINGS)


@pytest.mark.parametrize("name", ["max", "noisy_or", "isr"])
def test_what_holds_to_the_standard_assumption_passes_its_test(name):
    train, test = aucs(name, TESTS["standard"], 0)
    assert train > 0.8 and test > 0.8


@pytest.mark.parametrize("name", ["attention", "gated_attention", "max of features"])
def test_what_pools_features_learns_from_what_is_missing(name):
    train, test = aucs(name, TESTS["standard"], 0)
    assert train > 0.95 and test < 0.5


def test_max_passes_the_tests_of_a_threshold_without_learning_it():
    for test in ("threshold", "false frequency"):
        found = aucs("max", TESTS[test], 0)
        assert min(found) > 0.48 and max(found) < 0.9


def test_noisy_or_counts():
    train, test = aucs("noisy_or", TESTS["false frequency"], 0)
    assert train > 0.5 > test


@pytest.mark.parametrize("test", [False, True])
def test_the_poison_is_where_it_leads_astray(test):
    for name in ("standard", "threshold"):
        instances, mask, labels = bags(TESTS[name], np.random.default_rng(0), 200, test)
        poisoned = ((instances.mean(-1) < -8) & mask).any(1)
        np.testing.assert_array_equal(poisoned, labels == test)


@pytest.mark.parametrize("test, few, most", [(False, 1, 1), (True, 35, 45)])
def test_a_negative_bag_has_one_concept_more_often_in_the_test(test, few, most):
    instances, mask, labels = bags(TESTS["false frequency"], np.random.default_rng(0), 200, test)
    level = np.where(mask, instances.mean(-1), -99)
    counts = np.stack([(abs(level - concept) < 0.4).sum(1) for concept in (2, 3)])
    np.testing.assert_array_equal(counts[:, labels == 1], 1)
    negative = counts[:, labels == 0]
    assert (negative.min(0) == 0).all() and few <= negative.max(0).min() and negative.max(0).max() <= most
