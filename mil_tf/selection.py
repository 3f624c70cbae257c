"""Which instances of a bag get a gradient, with which target and weight.

Every selection has one shape: (probabilities, label, source_index) -> Selection. It sees numbers only, so it can be
tested without a network, and a new one is one more function.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Selection(NamedTuple):
    """What the gradient is taken on.

    indices: int64 (m,), positions in the bag as stored. targets: float32 (m, classes), one-hot.
    weights: float32 (m,), how much each counts in the bag's loss; they sum to 1.
    """

    indices: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def top_instance(probabilities, label, source_index):
    """The most positive instance, with the bag's label as its target (remedios2020, section 2.3).

    Ties go to the lowest original slice index, so that the answer does not depend on the stored shuffle (our
    decision; the released code takes the last of an ascending sort).

    Args:
        probabilities: (n, 2) class probabilities, column 1 positive.
        label: the bag's label, 0 or 1 (any array of one element).
        source_index: int64 (n,), where each instance came from.

    Returns:
        A Selection of one instance.

    Raises:
        ValueError: where the bag is empty or the label is neither 0 nor 1.
    """
    label = _label(label)
    top = top_position(probabilities[:, 1], source_index)
    target = np.zeros((1, 2), np.float32)
    target[0, label] = 1.0
    return Selection(np.array([top], np.int64), target, np.ones(1, np.float32))


def top_position(positive, source_index):
    """Position of the highest of `positive` (n,); among equals the one of the lowest `source_index`.

    Raises:
        ValueError: where the bag is empty.
    """
    positive = np.asarray(positive)
    if positive.size == 0:
        raise ValueError("Expected at least one instance in the bag. Received: 0")
    best = np.flatnonzero(positive == positive.max())
    if best.size == 0:  # a NaN compares unequal to itself; the loop stops on the loss that it gives
        return int(np.flatnonzero(np.isnan(positive))[0])
    return int(best[np.argmin(np.asarray(source_index)[best])])


def alpha_beta(probabilities, label, source_index, alpha, beta):
    """The likeliest share of a positive bag as positive, its unlikeliest share as negative (lerousseau2020, section 2).

    All instances of a negative bag are negative. Of n instances of a positive bag the floor(n alpha) likeliest get the
    target 1, the floor(n beta) unlikeliest 0 (section 3.1), and the others none. Ties are broken as in `top_instance`.
    The paper's constants c0 and c1 are 1, so that a bag's loss is the mean over what has a target.

    With alpha = 1 / n and beta = 0 a positive bag gives what `top_instance` gives. A negative one does not: there all n
    instances learn and not the likeliest alone, as a negative bag says something of each of them.

    Args:
        probabilities: (n, 2) class probabilities, column 1 positive.
        label: the bag's label, 0 or 1 (any array of one element).
        source_index: int64 (n,), where each instance came from.
        alpha: share of a positive bag that is positive at least, above 0. Taken as the simplest fraction that the
            float stands for, so that floor(49 * (1 / 49)) is 1 and .2 + .8 is 1.
        beta: share of it that is negative at least.

    Returns:
        A Selection, the positives first, the likeliest first.

    Raises:
        ValueError: where `shares` does, the bag is empty, the label is neither 0 nor 1, or alpha is less than an
            instance of a positive bag.
    """
    alpha, beta = shares(alpha, beta)
    label, order = _label(label), likeliest_first(probabilities[:, 1], source_index)
    positive, negative = _counts(len(order), alpha, beta) if label else (0, len(order))
    targets = np.repeat(np.eye(2, dtype=np.float32)[[1, 0]], (positive, negative), axis=0)
    indices = np.concatenate([order[:positive], order[len(order) - negative :]])
    return Selection(indices, targets, np.full(len(indices), 1 / len(indices), np.float32))


def shares(alpha, beta):
    """(alpha, beta) as Fractions.

    Raises:
        ValueError: outside the paper's F: alpha > 0, beta >= 0, alpha + beta <= 1.
    """
    exact = [Fraction(float(share)).limit_denominator(FINEST) for share in (alpha, beta)]
    if not (exact[0] > 0 and exact[1] >= 0 and sum(exact) <= 1):
        raise ValueError(
            f"Expected alpha above 0, beta of at least 0 and alpha + beta of at most 1. Received: alpha={alpha}, "
            f"beta={beta}"
        )
    return tuple(exact)


def likeliest_first(positive, source_index):
    """Positions int64 (n,) from the highest of `positive` (n,) down; among equals the lowest `source_index` first.

    Raises:
        ValueError: where the bag is empty.
    """
    if not len(positive):
        raise ValueError("Expected at least one instance in the bag. Received: 0")
    return np.lexsort((np.asarray(source_index), -np.asarray(positive)))


def _counts(n, alpha, beta):
    positive, negative = math.floor(n * alpha), math.floor(n * beta)
    if not positive:
        raise ValueError(f"Expected alpha of at least 1 / {n}, an instance of the bag. Received: alpha={float(alpha)}")
    return positive, negative


def _label(label):
    found = int(np.asarray(label).reshape(-1)[0])
    if found not in (0, 1):
        raise ValueError(f"Expected a bag label of 0 or 1. Received: {found}")
    return found


FINEST = 10**6  # largest denominator of a share: far above any number of instances that is drawn (our decision)
NAMES = ("top_instance",)  # those that take no further number
