"""Which slice of a series each slice of its volume shows.

dcm2niix may turn the order round, and puts new slices between those that lie unevenly. A resampled volume always has
more slices than the series (their distance is at most the smallest of the series'), so that equal numbers mean equal
slices, in one order or the other.
"""

import numpy as np

from preprocessing.dicom.series import normal

# Of the gap to the next slice. Resampling is linear, so that a slice this near is three quarters the one that it is
# named after (our decision).
NEAR = 0.25
TO_RAS = np.array([-1.0, -1.0, 1.0])  # from DICOM's LPS


def shown(series, affine, axis, count):
    """Returns the names of a volume's slices, in its order; "" for one that lies between two of the series.

    Args:
        series: a `preprocessing.dicom.series.Series`.
        affine: (4, 4) of the volume -> RAS+ mm.
        axis: of the volume's voxels, along which its slices lie.
        count: of the volume's slices.
    """
    across = normal(series.orientation) * TO_RAS
    along = across @ affine[:3, 3] + np.arange(count) * (across @ affine[:3, axis])
    if count == len(series.slices):
        names = [each.name for each in series.slices]
        return names if along[-1] >= along[0] else names[::-1]
    return _nearest(series, along)


def labels_by_index(labels, names):
    """{source index: label} of labels that are given by index, or by the slices' names.

    Args:
        labels: {source index, or name: label}, or None.
        names: of `shown`, or None where the slices have none.
    """
    if labels is None or names is None or not any(isinstance(key, str) for key in labels):
        return labels
    return {index: labels[name] for index, name in enumerate(names) if name in labels}


def _nearest(series, along):
    positions, names = np.array(series.positions), [""] * len(along)
    for place, (at, each) in enumerate(zip(positions, series.slices)):
        index = int(np.abs(along - at).argmin())
        beside = place + 1 if along[index] > at else place - 1
        gap = abs(positions[min(max(beside, 0), len(positions) - 1)] - at) or series.spacing
        if abs(along[index] - at) <= NEAR * gap:
            names[index] = each.name
    return names
