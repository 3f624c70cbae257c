"""Centre null-padding or cropping of slices to one size (remedios2020, section 2.1: 512x512), with the affine
kept right.
"""

import numpy as np

AIR_HU = -1024.0  # the value of air outside the scanner's field of view
# HU, and the share of voxels beyond it: the heads at hand have 0.08 and more, brains at most 0.013 (our decision).
BONE, BONE_SHARE = 700.0, 0.03
ZERO_TOLERANCE = 0.5  # HU; a resampled brain-extracted volume has borders of 1e-6, not of 0


def offset(length, size):
    """Where index 0 of an axis of `length` comes to lie on a canvas of `size`; negative where it is cropped.

    An odd difference leaves the larger half at the end, in padding and in cropping alike: 500 -> 512 has 6 on
    both sides, 501 -> 512 has 5 before and 6 after, 513 -> 512 loses its last one.
    """
    return (size - length) // 2 if size >= length else -((length - size) // 2)


def place(slices, order, size, null, dtype):
    """Returns slices (len(order), size, size) of a volume (n, h, w), centred on a canvas of value `null`.

    Slice by slice, so that a large scan is not copied before it is small.
    """
    canvas = np.full((len(order), size, size), null, dtype)
    into_rows, rows = _ranges(slices.shape[1], size)
    into_columns, columns = _ranges(slices.shape[2], size)
    for index, source in enumerate(order):
        canvas[index, into_rows, into_columns] = slices[source, rows, columns]
    return canvas


def canvas_to_display(height, width, size):
    """The matrix (4, 4) that takes (column, row, slice, 1) on the canvas to the same before padding or
    cropping.
    """
    matrix = np.eye(4)
    matrix[:2, 3] = -offset(width, size), -offset(height, size)
    return matrix


def cut(inside, size):
    """{"flags": what of a brain (n, h, w) does not fit on the canvas}; {} where all of it does."""
    kept = inside[:, _ranges(inside.shape[1], size)[1], _ranges(inside.shape[2], size)[1]]
    lost = 1 - np.count_nonzero(kept) / np.count_nonzero(inside)
    if lost:
        return {"flags": f"{100 * lost:.1f} % of the brain lies beyond slices of {size} pixels"}
    # A scan cut anew has the canvas' size already: what reaches the border may go on behind it.
    if inside.shape[1:] == (size, size) and (inside[:, [0, -1]].any() or inside[:, :, [0, -1]].any()):
        return {"flags": f"the brain reaches the border of slices of {size} pixels"}
    return {}


def null_value(slices):
    """0 where the in-plane border of every slice is 0 (a brain-extracted volume), else air."""
    edges = (slices[:, 0], slices[:, -1], slices[:, :, 0], slices[:, :, -1])
    extracted = all(np.abs(edge).max() < ZERO_TOLERANCE for edge in edges)
    return 0.0 if extracted else AIR_HU


def has_skull(values):
    """Whether the HU of a head (m,) are those of a whole one; a brain keeps little of the bone around it."""
    return np.count_nonzero(values > BONE) >= BONE_SHARE * len(values)


def _ranges(length, size):
    start = offset(length, size)
    kept = min(length, size)
    return slice(max(0, start), max(0, start) + kept), slice(max(0, -start), max(0, -start) + kept)
