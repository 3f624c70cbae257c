"""Metrics equal scikit-learn's, ties and weights included, and refuse one class."""

import numpy as np
import pytest
from sklearn import metrics as sk

from mil_tf.evaluation import metrics


def _tables():
    rng = np.random.default_rng(0)
    for n, levels in [(2, None), (3, 2), (17, 3), (150, None), (150, 5), (400, 1), (1000, 40)]:
        truth = np.r_[0, 1, rng.integers(0, 2, n - 2)]
        score = rng.random(n) if levels is None else rng.integers(0, levels, n) / max(1, levels - 1)
        yield pytest.param(truth, score, id=f"n={n}-levels={levels}")
    yield pytest.param(np.r_[np.zeros(9, int), 1], np.r_[np.arange(9), 20.0], id="perfect")
    yield pytest.param(np.r_[np.ones(9, int), 0], np.r_[np.arange(9), 20.0], id="top-is-wrong")


TABLES = list(_tables())


def close(value):
    return pytest.approx(value, rel=0, abs=1e-12)


@pytest.mark.parametrize(("truth", "score"), TABLES)
def test_ranking_metrics_equal_scikit_learn(truth, score):
    assert metrics.average_precision(truth, score) == close(sk.average_precision_score(truth, score))
    assert metrics.roc_auc(truth, score) == close(sk.roc_auc_score(truth, score))


@pytest.mark.parametrize(("truth", "score"), TABLES)
def test_weighted_metrics_equal_scikit_learn(truth, score):
    weights = np.random.default_rng(1).multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=20)
    ap, auc = metrics.Ranking(truth, score)(weights.astype(np.uint16))
    for weight, one_ap, one_auc in zip(weights, ap, auc):
        if len(set(truth[weight > 0])) == 1:
            assert np.isnan(one_ap)
            assert np.isnan(one_auc)
            continue
        assert one_ap == close(sk.average_precision_score(truth, score, sample_weight=weight))
        assert one_auc == close(sk.roc_auc_score(truth, score, sample_weight=weight))


@pytest.mark.parametrize(("truth", "score"), TABLES)
def test_curves_enclose_the_metrics(truth, score):
    recall, precision = metrics.precision_recall_curve(truth, score)
    assert np.sum(np.diff(recall) * precision[1:]) == close(metrics.average_precision(truth, score))
    false, true = metrics.roc_curve(truth, score)
    area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
    assert area == close(metrics.roc_auc(truth, score))


@pytest.mark.parametrize("truth", [[0], [1], [0, 0, 0], [1, 1, 1]])
@pytest.mark.parametrize("function", [metrics.average_precision, metrics.roc_auc,
                                      metrics.precision_recall_curve, metrics.roc_curve])
def test_one_class_is_refused(function, truth):
    with pytest.raises(metrics.MetricUndefined, match="^undefined: one class only$"):
        function(truth, np.linspace(0, 1, len(truth)))


@pytest.mark.parametrize(("truth", "score"), TABLES)
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_confusion_equals_scikit_learn_with_ties_at_the_threshold_positive(truth, score, threshold):
    expected = sk.confusion_matrix(truth, score >= threshold, labels=[0, 1]).ravel()
    assert tuple(metrics.confusion(truth, score, threshold)) == tuple(expected)


def test_rates_equal_scikit_learn():
    rng = np.random.default_rng(2)
    truth, score = rng.integers(0, 2, 200), rng.random(200)
    called = score >= 0.4
    expected = {"tpr": sk.recall_score(truth, called), "tnr": sk.recall_score(1 - truth, ~called),
                "ppv": sk.precision_score(truth, called), "npv": sk.precision_score(1 - truth, ~called),
                "accuracy": sk.accuracy_score(truth, called)}
    for name in metrics.RATES:
        counted, success = metrics.rate_masks(name, truth, score, 0.4)
        assert (counted & success).sum() / counted.sum() == close(expected[name])
