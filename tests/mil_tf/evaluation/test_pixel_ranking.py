"""The AUC by bins and by slides is that of all pixels, for any weighting of the slides."""

import numpy as np
import pytest

from mil_tf.evaluation import pixel_ranking
from mil_tf.evaluation.pixel_ranking import PairTable, bins_of, pair_auc


def slides(count, cells, distinct=None, seed=0):
    """[(score, positive, negative)] of slides; with `distinct` so many different scores."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        truth = rng.random(cells) < rng.random()
        score = rng.normal(truth * 1.2 + rng.normal(0, 0.5), 1)
        score = score if distinct is None else np.round(score * distinct / 8) / distinct
        positive = np.where(truth, rng.integers(0, 1025, cells), 0)
        found.append((score, positive, rng.integers(0, 1025 - positive)))
    return found


def table_of(found):
    table = PairTable(bins_of(score for score, _, _ in found), len(found))
    for place, each in enumerate(found):
        table.add(place, *each)
    return table


def reference(found, weights):
    """scikit-learn's AUC of every cell twice, as so many positive and so many negative pixels."""
    metrics = pytest.importorskip("sklearn.metrics")
    score = np.concatenate([np.r_[score, score] for score, _, _ in found])
    truth = np.concatenate([np.repeat([1, 0], len(score)) for score, _, _ in found])
    weight = np.concatenate([w * np.r_[positive, negative] for w, (_, positive, negative) in zip(weights, found)])
    return metrics.roc_auc_score(truth, score, sample_weight=weight)


@pytest.mark.parametrize("distinct", [None, 3, 40])
def test_it_is_scikit_learns_weighted_auc(distinct):
    found = slides(5, 400, distinct)
    weights = np.random.default_rng(1).integers(0, 4, (6, 5))
    expected = [reference(found, row) for row in weights]
    np.testing.assert_allclose(pair_auc(*table_of(found).pairs(), weights), expected, rtol=0, atol=1e-12)


def test_more_scores_than_bins_move_it_by_less_than_a_figure_shows(monkeypatch):
    found = slides(6, 30_000)
    weights = np.random.default_rng(1).integers(0, 4, (4, 6))
    exact = pair_auc(*table_of(found).pairs(), weights)
    monkeypatch.setattr(pixel_ranking, "BINS", 1 << 12)
    assert len(bins_of(score for score, _, _ in found)) == 1 << 12
    coarse = pair_auc(*table_of(found).pairs(), weights)
    assert 0 < np.abs(coarse - exact).max() < 1e-4  # with a sixteenth of the bins


def test_pixels_below_all_others_are_ties_among_themselves():
    found = slides(3, 200)
    table = table_of(found)
    below = [(70, 5000), (0, 300), (12, 0)]
    for place, each in enumerate(below):
        table.add_below(place, *each)
    extended = [tuple(np.r_[more, part] for more, part in zip((-1e9, *b), f)) for b, f in zip(below, found)]
    expected = reference(extended, [1, 2, 1])
    assert pair_auc(*table.pairs(), [[1, 2, 1]])[0] == pytest.approx(expected, abs=1e-12)


def test_one_class_has_no_auc():
    table = PairTable(bins_of([np.arange(4.0)]), 1)
    table.add(0, np.arange(4.0), np.zeros(4), np.ones(4))
    assert np.isnan(pair_auc(*table.pairs(), [[1]])).all()
    assert len(bins_of([])) == 0
