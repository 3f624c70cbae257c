import numpy as np
import pytest

from mil_tf.review.agreement import disagreements, kappa, kappa_estimate, pairs
from mil_tf.review.candidates import Candidate, Table


def cells(first, second):
    return [(first & second).sum(), (first & ~second).sum(), (~first & second).sum(), (~first & ~second).sum()]


@pytest.mark.parametrize("seed", range(8))
def test_kappa_is_scikit_learns(seed):
    from sklearn.metrics import cohen_kappa_score

    random = np.random.default_rng(seed)
    first = random.random(60) < 0.7
    second = np.where(random.random(60) < 0.2 * (seed % 5), ~first, first)
    assert float(kappa(cells(first, second))) == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_kappa_by_hand():
    """Cohen 1960's form: 20 and 15 alike of 50, chance .5."""
    assert float(kappa([20, 5, 10, 15])) == pytest.approx(0.4)
    assert float(kappa([0, 5, 5, 0])) == -1
    assert np.isnan(kappa([9, 0, 0, 0]))


def draw(random, patients, slices, agree):
    """Two reviewers of slices, alike within patients; kappa is about 2 agree - 1."""
    patient = np.repeat(np.arange(patients), slices).astype(str)
    first = np.repeat(random.random(patients) < 0.5, slices)
    second = np.where(np.repeat(random.random(patients) < agree, slices), first, ~first)
    return first, second, patient


def test_the_interval_covers_the_truth_although_slices_of_a_patient_are_alike():
    random = np.random.default_rng(0)
    estimates = [kappa_estimate(*draw(random, 40, 3, 0.85), seed=at) for at in range(120)]
    covered = np.mean([one.low <= 0.7 <= one.high for one in estimates])
    assert 0.89 <= covered <= 0.99
    assert estimates[0] == kappa_estimate(*draw(np.random.default_rng(0), 40, 3, 0.85), seed=0)


def test_the_interval_of_one_slice_a_patient_is_the_large_sample_one():
    """Fleiss, Cohen and Everitt 1969, in its simple form: sqrt(po (1 - po) / n) / (1 - pe)."""
    random = np.random.default_rng(1)
    first, second, patient = draw(random, 600, 1, 0.8)
    found = kappa_estimate(first, second, patient)
    agree = np.mean(first == second)
    chance = np.mean(first) * np.mean(second) + np.mean(~first) * np.mean(~second)
    half = 1.96 * np.sqrt(agree * (1 - agree) / 600) / (1 - chance)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_full_agreement_on_few_slices_is_not_certain():
    found = kappa_estimate([True, False] * 5, [True, False] * 5, [f"p{at}" for at in range(10)])
    assert (found.value, found.high) == (1, 1) and 0.3 < found.low < 0.6


def test_one_answer_throughout_has_no_kappa():
    assert kappa_estimate([True] * 4, [True] * 4, list("abcd")).told() == "no kappa: both gave one and the same answer throughout"


def test_one_patient_has_no_interval():
    assert kappa_estimate([True, False, True], [True, False, False], ["a"] * 3).told(2) == "0.40 no interval: one patient only"


def test_pairs_of_three_reviewers():
    table = Table(None, ("x",), "", None, {id: Candidate(id, id, ()) for id in "abcd"})
    verdicts = {"a": {"anna": "accept", "ben": "accept", "eve": "reject"}, "b": {"anna": "reject", "ben": "reject"},
                "c": {"anna": "accept", "ben": "reject"}, "d": {"eve": "accept"}}
    found = pairs(verdicts, table)
    assert [(one.first, one.second, one.n, one.agree) for one in found] == [
        ("anna", "ben", 3, 2), ("anna", "eve", 1, 0), ("ben", "eve", 1, 0)]
    assert found[0].kappa.value == pytest.approx(0.4)
    assert disagreements(verdicts) == ["a", "c"]
