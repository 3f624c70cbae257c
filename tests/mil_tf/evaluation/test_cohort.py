"""All numbers of a run's cohort equal scikit-learn's, on random and on degenerate tables, or say why there are none."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from mil_tf.evaluation.cohort import score_cohort
from mil_tf.evaluation.metrics import MetricUndefined
from mil_tf.evaluation.tables import Instances, Predictions
from mil_tf.evaluation.threshold import choose_threshold

RATES = {"tpr": lambda y, c: sk.recall_score(y, c), "tnr": lambda y, c: sk.recall_score(1 - y, 1 - c),
         "ppv": lambda y, c: sk.precision_score(y, c), "npv": lambda y, c: sk.precision_score(1 - y, 1 - c),
         "accuracy": sk.accuracy_score}


def cohort(seed):
    """Tables with ties, one class, equal scores, one bag, or few slices known, as the seed has it."""
    rng = np.random.default_rng(seed)
    n, depth = int(rng.choice([1, 2, 5, 30, 200])), int(rng.choice([1, 3, 10]))
    label = (rng.random(n) < rng.choice([0.0, 0.1, 0.5, 1.0])).astype(int)
    levels = int(rng.choice([1, 3, 1000]))
    score = rng.integers(0, levels + 1, (n, depth)) / levels
    truth = (rng.random((n, depth)) < 0.3) * label[:, None]
    truth = np.where(rng.random((n, depth)) < rng.choice([0.0, 0.3]), -1, truth)
    ids = np.array([f"b{i}" for i in range(n)])
    patient = np.array([f"p{i // int(rng.choice([1, 3]))}" for i in range(n)])
    index = np.tile(np.arange(depth), n)
    predictions = Predictions(Path("predictions-t.csv"), ids, patient, label, score.max(axis=1))
    return predictions, Instances(Path("instances-t.csv"), np.repeat(ids, depth), index, 5.0 * index, truth.ravel(),
                                  score.ravel()), score, truth


def check(estimate, expected):
    """The estimate is the expected value, inside its interval; or there is none, and it says why."""
    if expected is None:
        assert np.isnan(estimate.value)
        assert estimate.note.startswith("undefined")
        return
    assert estimate.value == pytest.approx(expected, rel=0, abs=1e-12)
    assert np.isnan(estimate.low) == bool(estimate.note)
    assert np.isnan(estimate.low) or estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


def ranked(function, truth, score):
    return function(truth, score) if 0 < np.sum(truth) < len(truth) else None


@pytest.mark.parametrize("seed", range(60))
def test_all_numbers_equal_scikit_learn(seed):
    predictions, instances, score, slices = cohort(seed)
    truth, probability = predictions.y_true, predictions.y_prob
    found = score_cohort("test", predictions, instances, 0.7, 20, 0)
    check(found.ranking["ap"], ranked(sk.average_precision_score, truth, probability))
    check(found.ranking["auc"], ranked(sk.roc_auc_score, truth, probability))
    for decision in found.decisions:
        called = (probability >= decision.threshold).astype(int)
        assert list(decision.confusion) == sk.confusion_matrix(truth, called, labels=[0, 1]).ravel().tolist()
        for name, function in RATES.items():
            check(decision.rates[name], function(truth, called) if decision.rates[name].n else None)
    # Summed from left to right as the table is: another order rounds equal means apart, and they are ties no more.
    mean = np.cumsum(score, axis=1)[:, -1] / score.shape[1]
    check(found.baselines["mean_pooling"].ranking["ap"], ranked(sk.average_precision_score, truth, mean))
    share, _ = calibration_curve(truth, probability, n_bins=10)
    assert [one.positive.value for one in found.calibration.bins] == pytest.approx(share.tolist(), rel=0, abs=1e-12)
    check_slices(found, np.where((slices < 0) & (truth[:, None] == 0), 0, slices), score)


def check_slices(found, truth, score):
    if found.slices is None:
        return
    known = truth >= 0
    check(found.slices["pooled_auc"].detector, ranked(sk.roc_auc_score, truth[known], score[known]))
    check(found.slices["pooled_ap"].detector, ranked(sk.average_precision_score, truth[known], score[known]))
    mixed = [(t[t >= 0], s[t >= 0]) for t, s in zip(truth, score) if (t == 0).any() and (t == 1).any()]
    check(found.slices["within_auc"].detector, np.mean([sk.roc_auc_score(*pair) for pair in mixed]) if mixed else None)


@pytest.mark.parametrize("seed", range(60))
def test_the_chosen_threshold_has_the_largest_youden_index(seed):
    predictions = cohort(seed)[0]
    truth, probability = predictions.y_true, predictions.y_prob
    if 0 < truth.sum() < len(truth):
        false, true, _ = sk.roc_curve(truth, probability, drop_intermediate=False)
        called = probability >= choose_threshold(truth, probability)
        youden = sk.recall_score(truth, called) + sk.recall_score(1 - truth, ~called) - 1
        assert youden == pytest.approx((true - false).max(), abs=1e-12)
    else:
        with pytest.raises(MetricUndefined, match="one class only"):
            choose_threshold(truth, probability)


def test_numbers_are_plain_and_complete():
    predictions, instances, _, _ = cohort(4)
    found = score_cohort("test", predictions, instances, None, 20, 0, "not computed: no data set here")
    assert found.numbers()["baselines"]["trivial"] == {"note": "not computed: no data set here"}
    assert {"expected_error", "expected_error_by_chance", "bins"} == set(found.numbers()["calibration"])
    names = [name for name, _, _ in found.rows()]
    assert {"mean_pooling_ap", "gain_over_mean_pooling_auc", "calibration_error"} <= set(names)
    assert "trivial_ap" not in names
