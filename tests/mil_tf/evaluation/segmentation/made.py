"""Rows of slices that the tests of this folder share."""

import numpy as np

from mil_tf.evaluation.segmentation.counts import slice_rows

TYPES = ("epidural", "subdural")


def discs(rng, gain):
    """(truth, before, after): discs of one radius, of which the later mask is nearer to the truth."""
    rows, columns = np.mgrid[:40, :40]

    def disc(shift):
        return np.hypot(rows - 18 - shift, columns - 20) < 8

    kind, shift = rng.integers(1, 3), rng.uniform(2, 9)
    return tuple(np.where(disc(away), kind, 0).astype(np.uint8) for away in (0, shift, max(0.0, shift - gain)))


def rows(patients=8, slices=3, gain=2.0, data_sets=("near", "far"), types=TYPES, seed=0):
    """Counts of both models on discs."""
    rng, found = np.random.default_rng(seed), []
    for data_set in data_sets:
        for patient in range(patients):
            for place in range(slices):
                truth, *masks = discs(rng, gain)
                for model, mask in zip(("before", "after"), masks):
                    found += slice_rows(model, f"{patient}-{place}", f"p{patient}", data_set, mask, truth, types)
    return found
