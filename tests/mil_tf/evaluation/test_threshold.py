"""The threshold maximises Youden's J, in the middle of the widest best interval."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from mil_tf.evaluation.metrics import MetricUndefined
from mil_tf.evaluation.threshold import choose_threshold


@pytest.mark.parametrize(("truth", "score", "expected"), [
    ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5),
    # J is 1/2 in (0.1, 0.3] and in (0.4, 0.9]: the wider one.
    ([0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9], 0.65),
    # The pair at 0.5 gains one of each class: (0.2, 0.5] and (0.5, 0.9] are equally good and joined.
    ([0, 0, 1, 1], [0.2, 0.5, 0.5, 0.9], 0.55),
    # Worse than chance: calling all or none is best, and the interval below the lowest is the wider.
    ([1, 0], [0.6, 0.7], 0.3),
])
def test_middle_of_the_widest_best_interval(truth, score, expected):
    assert choose_threshold(truth, score) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_is_better(seed):
    rng = np.random.default_rng(seed)
    truth = np.r_[0, 1, rng.integers(0, 2, 58)]
    score = np.clip(rng.integers(0, 12, 60) / 12 + 0.1 * truth, 0, 1)
    chosen = score >= choose_threshold(truth, score)
    false, true, _ = roc_curve(truth, score)
    youden = chosen[truth == 1].mean() - chosen[truth == 0].mean()
    assert youden == pytest.approx((true - false).max(), abs=1e-12)


def test_neighbouring_floats_keep_their_decision():
    low = 0.3
    high = np.nextafter(low, 1)
    threshold = choose_threshold([0, 1], [low, high])
    assert low < threshold <= high


def test_one_class_is_refused():
    with pytest.raises(MetricUndefined, match="one class only"):
        choose_threshold([1, 1], [0.2, 0.4])
