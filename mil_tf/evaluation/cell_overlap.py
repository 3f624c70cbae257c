"""How well masks of cells meet each other (kraus2016, section 4.4): intersection over union, with intervals by patient.

The paper reports the mean IU, over images, between its maps and CellProfiler's global Otsu threshold, and speaks of
pairs of masks with a low IU; so the IU of a pair is that of the foreground here, and the mean is one over images. In
the work that it builds on (Long et al., Fully convolutional networks, 2014) a mean IU is the mean over classes, here
foreground and background; it is reported beside.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.columns import numbers, read_columns, refuse, refuse_duplicates, truths
from mil_tf.evaluation.intervals import PatientBootstrap, bootstrap_estimate

# Columns of segmentation-<name>.csv: our masks against Otsu's and the truth, and Otsu's against the truth.
PAIRS = ("otsu", "truth", "otsu_truth")
MEASURES = tuple(f"{measure}_{pair}" for pair in PAIRS for measure in ("iu", "class_iu"))
SEGMENTATION = ("id", "patient", "regions", "cells_share", "threshold", "converged", "iterations", *MEASURES)
REGIONS = ("id", "patient", "region", "y", "x", "area", "class", "probability", "y_class")
FLOOR = 1 / 256  # of the range; CellProfiler, which calls it half a bit of noise in an image of 8 bits
EMPTY = "undefined: no image has a foreground in either mask"


class Overlap(NamedTuple):
    """Of two masks: `iu` of the foreground, `class_iu` the mean of foreground and background; NaN where undefined."""

    iu: float
    class_iu: float


def overlap(mask, other):
    """Intersection over union of two masks.

    Args:
        mask, other: boolean (h, w).

    Returns:
        An Overlap. The IU of two empty masks is 0 / 0, NaN; `class_iu` then is the background's alone, and so for two
        that are full.

    Raises:
        ValueError: they are not boolean, or not of one shape.
    """
    mask, other = np.asarray(mask), np.asarray(other)
    if mask.dtype != bool or other.dtype != bool or mask.shape != other.shape:
        raise ValueError("Expected two boolean masks of one shape. Received: "
                         f"{mask.dtype} {mask.shape} and {other.dtype} {other.shape}")
    sides = [_iu(mask, other), _iu(~mask, ~other)]
    defined = [side for side in sides if not np.isnan(side)]
    return Overlap(sides[0], float(np.mean(defined)) if defined else float("nan"))


def _iu(mask, other):
    union = np.count_nonzero(mask | other)
    return np.count_nonzero(mask & other) / union if union else float("nan")


def otsu_mask(image, channel=None, logarithm=True):
    """The foreground of an image by Otsu's global threshold.

    Args:
        image: (h, w, c), fractions.
        channel: which one; None is the mean of all (our decision: the paper does not say which it took).
        logarithm: whether of the logarithm, which CellProfiler's Otsu offers for cells that are stained unevenly. Our
            decision: nuclei are so bright that without it they alone are above the threshold of the mean (IU of
            phantoms against their truth 0.43, with it 0.94).

    Returns:
        boolean (h, w); an image of one value has none.

    Raises:
        ValueError: `image` has not three axes, has values below 0, or `channel` is none of its.
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 3 or channel is not None and not 0 <= channel < image.shape[-1]:
        raise ValueError(f"Expected an image (h, w, c) and one of its channels. Received: shape {image.shape}, "
                         f"channel={channel!r}")
    grey = image.mean(axis=-1) if channel is None else image[..., channel]
    return grey > otsu_threshold(grey, logarithm)


def otsu_threshold(values, logarithm=True, floor=FLOOR):
    """Otsu's threshold, float; NaN, which nothing is above, where all values are the same.

    Args:
        values: array of finite numbers, 0 or above.
        logarithm: whether it is found on the logarithm.
        floor: share of the range; of the logarithm, values less than that above the least count as that.

    Raises:
        ValueError: a value is none of these.
    """
    from skimage.filters import threshold_otsu

    values = np.asarray(values, np.float64)
    if not values.size or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(f"Expected finite numbers, 0 or above. Received: shape {values.shape}, or others in it")
    if not np.ptp(values):
        return float("nan")
    if not logarithm:
        return float(threshold_otsu(values))
    return float(np.exp(threshold_otsu(np.log(np.maximum(values, values.min() + floor * np.ptp(values))))))


def mean_overlap(values, patient, resamples=2000, seed=0):
    """Mean over images, with a 95 % interval by patient.

    Args:
        values: of each image, in [0, 1]; NaN where it is not defined, which is left out.
        patient: of each image.
        resamples, seed: of `mil_tf.evaluation.intervals.PatientBootstrap`.

    Returns:
        An Estimate, whose `n` is how many images have a value.
    """
    values, patient = np.asarray(values, np.float64), np.asarray(patient)
    known = ~np.isnan(values)
    values, patient = values[known], patient[known]
    if not len(values):
        return bootstrap_estimate(float("nan"), None, 0, EMPTY)._replace(n=0)
    bootstrap = PatientBootstrap(patient, resamples, seed)
    resampled = bootstrap(lambda weights: weights @ values / weights.sum(axis=1), patient)
    return bootstrap_estimate(values.mean(), resampled, len(bootstrap.patients), EMPTY)._replace(n=len(values))


@dataclass(frozen=True, eq=False)
class Segmentations:
    """One row an image, of shape (n,): `converged` is boolean, `overlaps` maps MEASURES to float64, NaN undefined."""

    path: Path
    id: np.ndarray
    patient: np.ndarray
    converged: np.ndarray
    overlaps: dict


def read_segmentations(path):
    """Reads `segmentation-<name>.csv`.

    Raises:
        TableError: a column is missing, an image appears twice, or a value is none that may stand there.
    """
    path = Path(path)
    columns = read_columns(path, ("id", "patient", "converged", *MEASURES))
    refuse_duplicates(path, np.array(columns["id"]), "image")
    converged = truths(path, columns["converged"], name="converged") == 1
    overlaps = {name: _shares(path, name, columns[name]) for name in MEASURES}
    return Segmentations(path, np.array(columns["id"]), np.array(columns["patient"]), converged, overlaps)


def segmentation_estimates(table, resamples=2000, seed=0):
    """{measure: Estimate} of a Segmentations, the mean over images of each."""
    return {name: mean_overlap(values, table.patient, resamples, seed) for name, values in table.overlaps.items()}


def _shares(path, name, texts):
    """A column of shares, float64 (n,), NaN where it is empty."""
    values = numbers(path, name, [text.strip() or "0" for text in texts])
    refuse(path, name, texts, (values < 0) | (values > 1), "a share in [0, 1], or nothing,")
    return np.where([not text.strip() for text in texts], np.nan, values)
