"""How many bags are enough, on curves whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from mil_tf.evaluation.enough import answer_in_words, enough
from mil_tf.evaluation.readings import across
from mil_tf.evaluation.sizes import Size, shortfall

KEY = ("ap", "")
SIZES = (100, 200, 300, 400, 500, 672)


def size(bags, values, folds=None, seeds=None):
    folds = range(len(values)) if folds is None else folds
    members = [SimpleNamespace(fold=fold, seed=seed) for fold, seed in zip(folds, seeds or [0] * len(values))]
    return Size(bags, members, {KEY: across(values, [member.fold for member in members])}, {}, {}, {})


def simulated(truth, spread, folds=5, seed=0):
    """Sizes about a truth; what makes a fold easy is the same at all sizes and far larger than `spread`."""
    random = np.random.default_rng(seed)
    easy = random.normal(0, 0.05, folds)
    return [size(bags, mean + easy + random.normal(0, spread, folds)) for bags, mean in zip(SIZES, truth)]


def said(sizes, margin=0.01):
    return " ".join(answer_in_words(enough(sizes, KEY, margin), "average precision", 5))


def test_a_curve_that_bends_names_the_size_where_it_does():
    sizes = simulated([0.5, 0.7, 0.85, 0.9, 0.9, 0.9], 0.001)
    found = enough(sizes, KEY)
    assert (found.reached, found.as_good) == (400, 400)
    assert [one.worse for one in found.compared] == [True, True, True, False, False]
    told = said(sizes)
    assert told.startswith("400 bags is the smallest size whose average precision reaches that of 672")
    assert "Worse than 672 beyond the spread over folds: 100 (by 0.400" in told
    assert "as good, to within 0.01 of average precision: 400 bags and more" in told


def test_what_the_folds_share_falls_out_of_the_difference():
    first, *_, last = simulated([0.895, 0, 0, 0, 0, 0.9], 0.0005)
    assert first.per_fold[KEY].high > last.per_fold[KEY].mean
    assert enough([first, last], KEY).compared[0].worse


def test_a_flat_curve_with_little_noise_is_reached_by_the_smallest():
    sizes = simulated([0.9] * 6, 0.001)
    found = enough(sizes, KEY)
    assert (found.reached, found.as_good) == (100, 100)
    assert "No size is shown to be worse" in said(sizes)


def test_a_flat_curve_with_much_noise_cannot_be_told():
    told = said(simulated([0.9] * 6, 0.05, seed=4))
    assert told.startswith("The data cannot tell how many bags are enough: over 5 folds no size's average precision")
    assert "is not excluded either" in told


def test_a_lucky_small_size_does_not_count_and_is_mentioned():
    sizes = simulated([0.9, 0.7, 0.9, 0.9, 0.9, 0.9], 0.001)
    found = enough(sizes, KEY)
    assert (found.reached, found.as_good) == (300, 300)
    assert "100 bags cannot be told from 672 either" in said(sizes)


def test_not_told_apart_is_not_as_good():
    sizes = simulated([0.6, 0.9, 0.9, 0.9, 0.9, 0.9], 0.03, seed=1)
    found = enough(sizes, KEY)
    assert found.reached == 200
    assert found.as_good == 672
    assert "is not the same as being as good" in said(sizes)
    assert {one.verdict for one in found.compared} == {"worse", "not told apart"}


def test_a_larger_margin_makes_more_sizes_as_good():
    sizes = simulated([0.6, 0.88, 0.895, 0.9, 0.9, 0.9], 0.002)
    assert [enough(sizes, KEY, margin).as_good for margin in (0.4, 0.05, 0.015)] == [100, 200, 300]


def test_a_small_difference_that_is_sure_is_worse_by_less_than_the_margin():
    sizes = simulated([0.897, 0.897, 0.897, 0.897, 0.897, 0.9], 0.0003)
    assert enough(sizes, KEY).compared[0].verdict == "worse, by less than the margin"


def test_a_curve_that_still_rises_is_not_enough():
    sizes = simulated([0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 0.001)
    assert enough(sizes, KEY).reached == 672
    assert said(sizes).startswith("672 bags are not known to be enough")


def test_one_fold_or_one_size_says_that_nothing_can_be_said():
    told = said([size(bags, [0.9]) for bags in SIZES])
    assert told.startswith("The data cannot tell how many bags are enough: no size shares two folds")
    assert said([size(100, [0.8, 0.9])]).startswith("There is one size only, 100 bags")


def test_only_shared_folds_are_compared():
    small, large = size(100, [0.5, 0.6, 0.1], folds=[0, 1, 2]), size(200, [0.7, 0.9], folds=[0, 1])
    found = shortfall(small, large, KEY)
    assert found.values == pytest.approx((0.2, 0.3))
    assert found.mean == pytest.approx(0.25)
    apart = shortfall(size(100, [0.5], folds=[7]), large, KEY)
    assert (apart.note, np.isnan(apart.mean)) == ("no fold in common", True)


def test_seeds_of_a_fold_count_as_one_and_are_paired():
    small = size(100, [0.5, 0.7, 0.6, 0.6], folds=[0, 0, 1, 1], seeds=[0, 1, 0, 1])
    large = size(200, [0.8, 0.6, 0.9, 0.7], folds=[0, 0, 1, 1], seeds=[1, 0, 0, 1])
    found = shortfall(small, large, KEY)
    assert found.values == pytest.approx((0.1, 0.1, 0.3, 0.1))
    assert found.mean == pytest.approx(0.15)
    half = 12.706 * np.std([0.1, 0.2], ddof=1) / np.sqrt(2)
    assert found.high - found.mean == pytest.approx(half, rel=1e-3)


def test_a_shortfall_may_be_a_gain():
    found = shortfall(size(100, [0.9, 0.92]), size(200, [0.8, 0.8]), KEY)
    assert found.mean == pytest.approx(-0.11)
    assert found.low < -0.11 < found.high
