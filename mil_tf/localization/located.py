"""What a network's map says of a slice: its points, and the likelihood that is drawn and written.

The one way for evaluation, prediction and figures.
"""

import numpy as np
from scipy.special import expit

from mil_tf.localization.peaks import find_peaks, resized

POOLINGS = ("max", "attention")
POSITIVE = 0.5  # least probability of a slice that has points where only positive ones do (our decision)


def points_of(positions, shape, probability, detector, only_positive=False):
    """The points of bleeding that a detector finds on a slice.

    Args:
        positions: the slice's map as the network gives it, (h', w').
        shape: (h, w) of the slice.
        probability: of the slice.
        detector: `mil_tf.localization.detector.Detector`.
        only_positive: whether a slice with a probability below 0.5 has no points; the paper takes all slices.

    Returns:
        (points (m, 2) int64, row and column in pixels; values (m,) float64 of the resized map there), from the
        highest value down.
    """
    if only_positive and probability < POSITIVE:
        return np.empty((0, 2), np.int64), np.empty(0)
    image = resized(positions, shape)
    points = detector(find_peaks(image))
    return points, image[tuple(points.T)]


def likelihood(maps, probabilities, pooling):
    """Maps on a scale from 0 to 1 that slices have in common.

    Max pooling's positions are logits, so theirs is the logistic function. Attention's weights sum to 1 over every
    slice, bleeding or not: they are taken over the slice's largest, times the slice's probability (our decision).

    Args:
        maps: as the network gives them, (n, h', w').
        probabilities: of the slices, (n,).
        pooling: "max" or "attention".

    Returns:
        float32 array (n, h', w').

    Raises:
        ValueError: `pooling` is none of these.
    """
    maps = np.asarray(maps, np.float64)
    if pooling not in POOLINGS:
        raise ValueError(f"Expected `pooling` to be one of {POOLINGS}. Received: pooling={pooling!r}")
    if pooling == "max":
        return expit(maps).astype(np.float32)
    highest = maps.max(axis=(1, 2), keepdims=True)
    return (maps / highest * np.reshape(probabilities, (-1, 1, 1))).astype(np.float32)
