"""The poolings of kraus2016 in decimal arithmetic of 60 digits: equations 3 and 4 as they are printed, and their slopes.

Nothing is rearranged: cancellation, overflow and underflow are left to the digits. Derivatives are the equations'
own, by hand; `tests/mil_tf/pooling/test_exact.py` holds them against differences of the values.
"""

from collections import Counter
from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np

DIGITS = 60
ONE, ZERO = Decimal(1), Decimal(0)


def precise(function):
    """The function in decimal arithmetic of DIGITS digits."""

    def inside(*arguments):
        with localcontext(Context(prec=DIGITS)):
            return function(*arguments)

    return inside


def counted(p):
    """{probability: how many instances have it}, exact and rising, of floats (n,)."""
    values, counts = np.unique(p, return_counts=True)
    return Counter(dict(zip(map(Decimal, values.tolist()), counts.tolist())))


def mean(bag, of=lambda p: p):
    return sum(count * of(p) for p, count in bag.items()) / sum(bag.values())


def product(bag):
    """Of all 1 - p_j."""
    found = ONE
    for p, count in bag.items():
        found *= (ONE - p) ** count
    return found


def s(x):
    """The sigmoid."""
    return ONE / (ONE + (-x).exp())


@cache
@precise
def power(p, r):
    """p^r; 0^0 is 1, the limit that the slope of a mean has. A half power by a root, which is much quicker."""
    if r == 0 or p == 0:
        return ZERO if r else ONE
    return (p ** int(2 * r)).sqrt() if r > 0 and 2 * r == int(2 * r) else p**r


@cache
@precise
def exponential(x):
    return x.exp()


# Each function takes a bag, {p: count}, and the pooling's parameter, or (a, b), and gives the value, or {p: dg/dp_j}
# in the bag's order.


@precise
def mean_value(bag, _):
    return mean(bag)


@precise
def mean_slopes(bag, _):
    return dict.fromkeys(bag, ONE / sum(bag.values()))


@precise
def max_value(bag, _):
    return max(bag)


@precise
def max_slopes(bag, _):
    """Where several are the largest, the slope is undefined; the layer says that they share it."""
    most = max(bag)
    return {p: ONE / bag[p] if p == most else ZERO for p in bag}


@precise
def generalized_mean_value(bag, r):
    return power(mean(bag, lambda p: power(p, r)), 1 / r)


@precise
def generalized_mean_slopes(bag, r):
    """Where all are 0, the slope is undefined; the layer says that each has that of equal instances."""
    n = sum(bag.values())
    if max(bag) == 0:
        return {ZERO: ONE / n}
    outer = power(mean(bag, lambda p: power(p, r)), 1 / r - 1) / n
    return {p: outer * power(p, r - 1) for p in bag}


@precise
def log_sum_exp_value(bag, r):
    return mean(bag, lambda p: exponential(r * p)).ln() / r


@precise
def log_sum_exp_slopes(bag, r):
    whole = sum(count * exponential(r * p) for p, count in bag.items())
    return {p: exponential(r * p) / whole for p in bag}


@precise
def noisy_or_value(bag, _):
    return ONE - product(bag)


@precise
def noisy_or_slopes(bag, _):
    """The product of all other 1 - p_k."""
    if not bag[ONE]:
        whole = product(bag)
        return {p: whole / (ONE - p) for p in bag}
    rest = product({p: count for p, count in bag.items() if p != ONE})
    return {p: rest if p == ONE == bag[ONE] else ZERO for p in bag}


@precise
def isr_value(bag, _):
    """With a certain instance, the limit as its odds grow: 1."""
    if bag[ONE]:
        return ONE
    odds = sum(count * p / (ONE - p) for p, count in bag.items())
    return odds / (ONE + odds)


@precise
def isr_slopes(bag, _):
    """With one certain instance, the limit as its p goes to 1; the layer says that several have the square of their share."""
    if bag[ONE]:
        return {p: ONE / bag[ONE] ** 2 if p == ONE else ZERO for p in bag}
    odds = sum(count * p / (ONE - p) for p, count in bag.items())
    return {p: ONE / ((ONE - p) * (ONE + odds)) ** 2 for p in bag}


@precise
def noisy_and_value(bag, parameters):
    a, b = parameters
    return (s(a * (mean(bag) - b)) - s(-a * b)) / (s(a * (ONE - b)) - s(-a * b))


@precise
def noisy_and_slopes(bag, parameters):
    a, b = parameters
    slope = a * _bell(a * (mean(bag) - b)) / (s(a * (ONE - b)) - s(-a * b))
    return dict.fromkeys(bag, slope / sum(bag.values()))


@precise
def noisy_and_threshold_slope(bag, parameters):
    """dg/db, by the quotient's rule."""
    a, b = parameters
    top, bottom = s(a * (mean(bag) - b)) - s(-a * b), s(a * (ONE - b)) - s(-a * b)
    top_slope = -a * _bell(a * (mean(bag) - b)) + a * _bell(-a * b)
    bottom_slope = -a * _bell(a * (ONE - b)) + a * _bell(-a * b)
    return (top_slope * bottom - top * bottom_slope) / bottom**2


def _bell(x):
    """The sigmoid's derivative."""
    return s(x) * (ONE - s(x))


VALUES = {
    "max": max_value, "mean": mean_value, "generalized_mean": generalized_mean_value, "log_sum_exp": log_sum_exp_value,
    "noisy_and": noisy_and_value, "noisy_or": noisy_or_value, "isr": isr_value,
}
SLOPES = {
    "max": max_slopes, "mean": mean_slopes, "generalized_mean": generalized_mean_slopes,
    "log_sum_exp": log_sum_exp_slopes, "noisy_and": noisy_and_slopes, "noisy_or": noisy_or_slopes, "isr": isr_slopes,
}
