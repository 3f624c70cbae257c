"""The law through simulated sizes: known answers, curves that are none, and bands that hold what they say."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from mil_tf.evaluation.learning_curve import CurveUndefined, fit_curve, fit_law, training_draws

SIZES = np.array([100, 200, 300, 400, 500, 672])


def law(bags, limit=0.96, drop=0.3, rate=1.2):
    return limit - drop * (np.asarray(bags) / 100) ** -rate


def simulated(truth, spread=0.02, folds=5, seed=0):
    """{bags: {fold: value}} about a truth of one value a size; folds differ, and small sizes scatter more."""
    random = np.random.default_rng(seed)
    fold = random.normal(0, spread / 2, folds)
    own = random.normal(0, 1, (len(truth), folds)) * spread * np.sqrt(SIZES[0] / SIZES[:len(truth), None])
    table = np.clip(truth[:, None] + fold + own, 0, 1)
    return {int(bags): dict(enumerate(row)) for bags, row in zip(SIZES, table)}


def test_values_on_a_law_give_it_back():
    curve = fit_curve(simulated(law(SIZES), spread=0))
    assert curve.value == pytest.approx(law(curve.bags), abs=0.002)
    assert (curve.bags[0], curve.bags[-1]) == (100, 672)
    assert curve.limit == pytest.approx(0.96, abs=0.005)
    assert curve.doubled[0] == pytest.approx(np.diff(law([672, 1344]))[0], abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_least_squares_is_as_small_as_scipys(seed):
    random = np.random.default_rng(seed)
    means, weights = law(SIZES) + random.normal(0, 0.02, len(SIZES)), random.uniform(0.5, 2, len(SIZES))

    def model(bags, limit, drop, rate):
        return limit - drop * (bags / 100) ** -rate

    theirs, _ = curve_fit(model, SIZES, means, [0.9, 0.3, 1.0], sigma=weights ** -0.5, max_nfev=20000,
                          bounds=([0, 0, 0.05], [1, 2, 5]))
    ours = [found[0] for found in fit_law(SIZES.astype(float), means[:, None], weights)]
    errors = [np.sum(weights * (means - model(SIZES, *found)) ** 2) for found in (ours, theirs)]
    assert errors[0] <= errors[1] * 1.02 + 1e-9


def test_the_limit_stays_below_one_and_the_law_never_falls():
    rising = fit_curve(simulated(np.array([0.5, 0.65, 0.8, 0.9, 0.97, 1.0]), spread=0.01))
    falling = fit_curve(simulated(np.array([0.9, 0.85, 0.8, 0.78, 0.75, 0.7]), spread=0.01))
    assert rising.limit <= 1
    assert falling.drop == 0
    assert np.ptp(falling.value) == 0


def test_a_flat_curve_is_flat_and_its_band_holds_it():
    curve = fit_curve(simulated(np.full(6, 0.9), seed=3))
    assert np.ptp(curve.value) < 0.03
    assert (curve.folds.low < 0.9).all()
    assert (curve.folds.high > 0.9).all()
    assert curve.doubled[1] <= 0.005


def test_what_is_no_law_is_found_out():
    bent = fit_curve(simulated(np.array([0.6, 0.9, 0.7, 0.92, 0.75, 0.95]), spread=0.01))
    straight = fit_curve(simulated(law(SIZES), spread=0.01, seed=2))
    assert bent.misfit < 0.001
    assert straight.misfit > 0.05


def test_the_band_holds_the_truth_about_as_often_as_it_says():
    held = []
    for seed in range(120):
        curve = fit_curve(simulated(law(SIZES), seed=seed), seed=seed)
        truth = law(curve.bags)
        held.append((curve.folds.low <= truth) & (truth <= curve.folds.high))
    assert 0.88 < np.mean(held) <= 1


def test_the_intervals_before_the_fit_are_students():
    table = np.random.default_rng(0).uniform(0.5, 0.9, (4, 5))
    drawn = training_draws(table, np.random.default_rng(1), draws=200_000)
    half = 2.776 * table.std(axis=1, ddof=1) / np.sqrt(5)
    assert np.quantile(drawn, 0.975, axis=1) == pytest.approx(half, rel=0.03)
    # What the folds share between sizes is kept.
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(np.corrcoef(table)[0, 1], abs=0.02)


def test_other_patients_widen_the_band():
    shifts = np.random.default_rng(0).normal(0, 0.05, (1, 500)).repeat(6, axis=0)
    curve = fit_curve(simulated(law(SIZES), spread=0.005), shifts)
    assert (np.subtract(*curve.patients[::-1]) > np.subtract(*curve.folds[::-1])).mean() > 0.95


def test_one_fold_gives_a_line_without_a_band():
    curve = fit_curve(simulated(law(SIZES), folds=1, spread=0.001))
    assert (curve.folds, curve.patients) == (None, None)
    assert np.isnan(curve.misfit)
    assert np.isnan(curve.doubled[1])


def test_a_missing_fold_is_no_obstacle():
    values = simulated(law(SIZES), spread=0.01)
    del values[300][2], values[300][3]
    curve = fit_curve(values)
    assert curve.value == pytest.approx(law(curve.bags), abs=0.03)


def test_a_size_counts_by_its_folds():
    weights = np.array([1.0, 1, 1, 1, 1, 1e6])
    means = law(SIZES)[:, None] + np.array([0.0, 0, 0, 0, 0, -0.1])[:, None]
    limit, drop, rate = (found[0] for found in fit_law(SIZES.astype(float), means, weights))
    assert limit - drop * 6.72 ** -rate == pytest.approx(means[-1, 0], abs=1e-3)


def test_too_few_sizes_and_undefined_values_are_said():
    with pytest.raises(CurveUndefined, match="needs at least 4 sizes, there are 3"):
        fit_curve(simulated(law(SIZES)[:3]))
    with pytest.raises(CurveUndefined, match="there is 1"):
        fit_curve(simulated(law(SIZES)[:1]))
    values = simulated(law(SIZES))
    values[100][0] = float("nan")
    with pytest.raises(CurveUndefined, match="undefined"):
        fit_curve(values)


def test_same_seed_same_band():
    values = simulated(law(SIZES))
    first, again, other = (fit_curve(values, seed=seed).folds.low for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
