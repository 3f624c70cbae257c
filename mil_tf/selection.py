"""Which instances of a bag get a gradient, with which target and weight.

Every selection has one shape: (probabilities, label, source_index) -> Selection. It sees numbers only, so it can be
tested without a network, and a new one is one more function.
"""

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
    label = int(np.asarray(label).reshape(-1)[0])
    if label not in (0, 1):
        raise ValueError(f"Expected a bag label of 0 or 1. Received: {label}")
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


NAMES = ("top_instance",)
