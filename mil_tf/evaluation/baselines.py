"""The trivial detector that a learned one has to beat: how much connected matter of blood's attenuation.

A bag's score is the volume (cm3) of the largest connected component of voxels within 60-90 HU after Gaussian
smoothing. Bone edges, dense sinuses, scalp hematomas and calcifications lie in that window too, which is why
it is no detector.
"""

import numpy as np

LOW, HIGH = 60.0, 90.0  # HU of acute blood; our definition of the baseline
SIGMA = 2.0  # mm; our decision: suppresses noise of 3-8 HU, keeps a bleed of 20 cm3


def as_volume(instances):
    """Instances (n, h, w) or (n, h, w, 1) as float32 (n, h, w).

    Raises:
        ValueError: another shape.
    """
    array = np.asarray(instances)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise ValueError(
            f"Expected instances of shape (n, h, w) or (n, h, w, 1). Received shape={np.shape(instances)}."
        )
    return array.astype(np.float32)


def dense_voxels(instances, spacing, sigma=SIGMA):
    """Boolean (n, h, w): 60-90 HU after smoothing.

    Args:
        instances: (n, h, w) or (n, h, w, 1) HU in anatomical slice order.
        spacing: (column, row, slice) mm.
        sigma: standard deviation of the Gaussian in mm, in all three directions.
    """
    from scipy.ndimage import gaussian_filter

    volume = as_volume(instances)
    column, row, step = (float(s) for s in spacing)
    smooth = gaussian_filter(volume, (sigma / step, sigma / row, sigma / column), mode="nearest")
    return (smooth >= LOW) & (smooth <= HIGH)


def largest_component(instances, spacing, sigma=SIGMA):
    """Volume in cm3 of the largest face-connected component of `dense_voxels`; 0.0 if there is none."""
    from scipy.ndimage import label

    parts, count = label(dense_voxels(instances, spacing, sigma))
    largest = np.bincount(parts.ravel())[1:].max() if count else 0
    return float(largest * np.prod(np.asarray(spacing, float)) / 1000)


def largest_area(instances, spacing, sigma=SIGMA):
    """Score of every slice (n,): area in cm2 of its largest component, found in the slice alone."""
    from scipy.ndimage import label

    areas = np.zeros(len(instances))
    for at, dense in enumerate(dense_voxels(instances, spacing, sigma)):
        parts, count = label(dense)
        areas[at] = np.bincount(parts.ravel())[1:].max() if count else 0
    return areas * float(spacing[0]) * float(spacing[1]) / 100
