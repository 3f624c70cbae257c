"""A law through the values at several sizes, and how far it may be off.

The law is an inverse power, value = limit - drop * (N / N0)^-rate with N0 the smallest size: what learning curves of
classifiers most often follow and what has been used to plan how much to label (Figueroa et al., BMC Med Inform Decis
Mak 12:8, 2012). It is no law of nature: curves that bend down again exist (Viering and Loog, IEEE TPAMI 45(6), 2023),
so every fit comes with a test whether the sizes' means lie on it.

For a given rate the law is a straight line in (N / N0)^-rate, so limit and drop have a closed form and only the rate
is searched for: no starting values, no local minimum, and all draws of a bootstrap at once.

Every fold counts alike. Weights by how much the folds of a size scatter were tried (simulated laws and flat curves, six
sizes, five folds, 400 each): the fit came at most 7 % nearer to the truth, and its band held it in 91 to 95 % instead
of 92 to 96 %, as a variance of five folds is itself a guess.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

# Our decision: from almost logarithmic to gone at the second size. Rates of error curves that have been published
# lie between .07 and 1.
RATES = np.geomspace(0.05, 5, 60)
LEAST_SIZES = 4  # the law has three numbers; with as many sizes it fits whatever comes
DRAWS = 1000
POINTS = 80


class CurveUndefined(ValueError):
    """No law can be fitted; the message says why, ready to be shown in its place."""


class Band(NamedTuple):
    """95 % of the draws lie between `low` and `high`, at each of the curve's points."""

    low: np.ndarray
    high: np.ndarray


class Curve(NamedTuple):
    """A fitted law.

    `limit`, `drop`, `rate` and `origin` (N0) are its numbers. `bags` and `value`, shape (points,), draw it from the
    smallest size to the largest. `folds` is the Band of what other training sets would do, `patients` that of other
    training sets and other test patients; None where it cannot be known. `doubled` is (value, low, high) of what twice
    the largest size would add, by the wider band there is. `misfit` is the p-value of the lack-of-fit test, NaN where
    no size has two folds.
    """

    limit: float
    drop: float
    rate: float
    origin: float
    bags: np.ndarray
    value: np.ndarray
    folds: Band | None
    patients: Band | None
    doubled: tuple
    misfit: float


def fit_curve(values, shifts=None, seed=0):
    """Fit the law to what the folds reach at each size.

    Args:
        values: {bags: {fold: value in [0, 1], the mean over its seeds}}.
        shifts: what other test patients would add to the mean of each size, shape (sizes, draws), ascending sizes;
            None where that is not known.
        seed: of the draws.

    Raises:
        CurveUndefined: if there are fewer than LEAST_SIZES sizes, or a value is undefined.
    """
    bags = np.array(sorted(values), dtype=np.float64)
    folds = sorted({fold for row in values.values() for fold in row})
    table = np.array([[values[int(size)].get(fold, np.nan) for fold in folds] for size in bags])
    _check(bags, values)
    weights, means = np.sum(~np.isnan(table), axis=1), np.nanmean(table, axis=1)
    limit, drop, rate = (float(found[0]) for found in fit_law(bags, means[:, None], weights))
    at = np.linspace(bags[0], bags[-1], POINTS)
    spread = training_draws(table, np.random.default_rng(seed))
    inner = None if spread is None else _laws(bags, means, spread, weights)
    both = None if spread is None or shifts is None else _laws(bags, means, _added(spread, shifts), weights)
    wider = both or inner
    law = _Law(limit, drop, rate, bags[0])
    return Curve(limit, drop, rate, bags[0], at, law(at), _band(inner, at), _band(both, at),
                 _doubled(law, wider, bags[-1]), _misfit(table, law(bags), _used(limit, drop)))


def _check(bags, values):
    if len(bags) < LEAST_SIZES:
        raise CurveUndefined(f"not fitted: a law of three numbers needs at least {LEAST_SIZES} sizes, there "
                             f"{'is' if len(bags) == 1 else 'are'} {len(bags)}")
    if np.isnan([value for row in values.values() for value in row.values()]).any():
        raise CurveUndefined("not fitted: a model's value is undefined")


class _Law(NamedTuple):
    """The law of one or many draws: each number is a float or of shape (draws,)."""

    limit: np.ndarray
    drop: np.ndarray
    rate: np.ndarray
    origin: float

    def __call__(self, bags):
        """Values at sizes, shape (sizes,), or (sizes, draws) of many."""
        many = np.ndim(self.limit) > 0
        ratio = np.asarray(bags, np.float64)[(..., None) if many else ...] / self.origin
        return self.limit - self.drop * ratio ** -self.rate


def fit_law(bags, means, weights):
    """Weighted least squares of the law, 0 <= limit <= 1 and drop >= 0.

    Args:
        bags: sizes, ascending, shape (sizes,).
        means: shape (sizes, draws).
        weights: of the sizes, such as their numbers of folds, shape (sizes,).

    Returns:
        (limit, drop, rate), each of shape (draws,).
    """
    share = weights / weights.sum()
    found = [_line((bags / bags[0]) ** -rate, means, share) for rate in RATES]
    best = np.argmin([error for _, _, error in found], axis=0)
    limit, drop = (np.array([line[part] for line in found])[best, np.arange(means.shape[1])] for part in (0, 1))
    return limit, drop, RATES[best]


def _line(x, means, share):
    """(limit, drop, squared error) of the best limit - drop * x within the bounds, each of shape (draws,)."""
    middle, centre = share @ x, share @ means
    drop = -(share * (x - middle)) @ means / (share @ (x - middle) ** 2)
    drop = np.maximum(drop, 0.0)
    limit = centre + drop * middle
    # Beyond 1 the bound itself is the best limit, as the error is convex; the drop is then fitted anew.
    drop = np.where(limit > 1, (share * x) @ (1 - means) / (share @ x ** 2), drop)
    limit = np.minimum(limit, 1.0)
    return limit, drop, share @ (means - limit + drop * x[:, None]) ** 2


def training_draws(table, random, draws=DRAWS):
    """What other training sets would add to the mean of each size: shape (sizes, draws), None without two folds.

    Resampling five folds knows five values and is too narrow. So the folds' deviations are drawn with normal weights
    and a common chi-square: a multivariate Student's t, whose interval at each size is that of the tables, and in
    which a fold that is good at one size is as good at the others as it was.
    """
    count = np.sum(~np.isnan(table), axis=1, keepdims=True)
    if count.max() < 2:
        return None
    scale = np.sqrt(np.maximum(count * (count - 1), 1))
    deviations = np.nan_to_num(table - np.nanmean(table, axis=1, keepdims=True)) / scale
    freedom = count[count > 1].min() - 1
    normal = random.standard_normal((table.shape[1], draws))
    return deviations @ normal * np.sqrt(freedom / random.chisquare(freedom, draws))


def _added(spread, shifts):
    """Draws of both kinds, which have nothing to do with one another, added up."""
    count = min(spread.shape[1], shifts.shape[1])
    return spread[:, :count] + shifts[:, :count]


def _laws(bags, means, spread, weights):
    return _Law(*fit_law(bags, np.clip(means[:, None] + spread, 0, 1), weights), bags[0])


def _band(laws, at):
    return None if laws is None else Band(*np.quantile(laws(at), [0.025, 0.975], axis=1))


def _doubled(law, laws, largest):
    ends = np.array([largest, 2 * largest])
    gain = float(np.diff(law(ends))[0])
    if laws is None:
        return gain, float("nan"), float("nan")
    return gain, *map(float, np.quantile(np.diff(laws(ends), axis=0)[0], [0.025, 0.975]))


def _used(limit, drop):
    """How many of its numbers a fitted law has used: a flat one has neither drop nor rate."""
    return 1 if drop == 0 else 2 if limit == 1 else 3


def _misfit(table, fitted, used):
    """p-value of the lack-of-fit F test: do the sizes' means lie further from the law than their folds explain?"""
    count, means = np.sum(~np.isnan(table), axis=1), np.nanmean(table, axis=1)
    freedom, left = count.sum() - len(count), len(count) - used
    if freedom < 1:
        return float("nan")
    within = np.nansum((table - means[:, None]) ** 2) / freedom
    between = np.sum(count * (means - fitted) ** 2) / left
    if within == 0:
        return 1.0 if np.isclose(between, 0) else 0.0
    return float(stats.f.sf(between / within, left, freedom))
