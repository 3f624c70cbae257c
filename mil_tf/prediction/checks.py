"""Ways in which a scan is visibly unlike the training data: a model answers anything it is given.

Only what can be checked is: the crop, the values and the voxel size. No warning is no promise.
"""

import numpy as np

from mil_tf.prediction.back import to_bag

NOT_AIR = -300.0  # HU; between air or lung and fat (our decision)
# Of what is not air; brain and muscle lie at 20-60, three real head CTs had 29-38 (our decision).
MEDIAN_HU = (0.0, 100.0)
BORDER_SHARE = 0.1  # of a cut border's pixels; a head rest alone covers less (our decision)
SPACING_TOLERANCE = 0.1  # of the training data's range, at both of its ends (our decision)


def warnings_for(bag, settings, spacing=None):
    """Returns the warnings for a scan, one line each.

    Args:
        bag: the scan's Bag.
        settings: CtSettings that it was made with.
        spacing: {"low": [3], "high": [3]} in mm of the training data, or None where it is not known.
    """
    sides = _cropped_sides(bag, settings.size)
    found = [_cut(bag, sides, settings.size), _not_hounsfield(bag), *_unlike_spacing(bag.spacing, spacing)]
    found.append(bag.meta.get("flags"))
    return [text for text in found if text]


def _cropped_sides(bag, size):
    """Of "rows" and "columns", those that the canvas does not hold whole."""
    # In the canvas' own axes: how many pixels of the file lie along its rows and columns.
    column, row = np.abs(np.linalg.inv(to_bag(bag))[:3, :2]).argmax(axis=0)
    return [name for name, axis in (("rows", row), ("columns", column)) if bag.source_shape[axis] > size]


def _cut(bag, sides, size):
    slices = bag.instances[..., 0]
    edges = [slices[:, [0, -1]].reshape(len(slices), -1)] if "rows" in sides else []
    edges += [slices[:, :, [0, -1]].reshape(len(slices), -1)] if "columns" in sides else []
    if not edges:
        return None
    border = np.concatenate(edges, axis=1)
    tissue = (border > NOT_AIR) & (border != 0)  # 0 exactly is what brain extraction leaves around
    cut = int((tissue.mean(axis=1) > BORDER_SHARE).sum())
    if not cut:
        return None
    return (
        f"the head is cut off: the model looks at the middle {size} x {size} pixels only, and in {cut} of "
        f"{len(slices)} slices tissue reaches their border"
    )


def _not_hounsfield(bag):
    """MRI, a CT whose offset was lost, or a CT windowed to grey values."""
    _, height, width, _ = bag.instances.shape
    # The middle third, where the head is: around it, air that a lost offset has moved to 0 HU would hide it.
    middle = bag.instances[:, height // 3 : -(height // 3) or None, width // 3 : -(width // 3) or None]
    tissue = middle[(middle > NOT_AIR) & (middle != 0)]
    median = float(np.median(tissue)) if tissue.size else float("nan")
    if MEDIAN_HU[0] <= median <= MEDIAN_HU[1]:
        return None
    return (
        f"the values do not look like HU of a head: in the middle their median without air is {median:.0f}, "
        f"expected {MEDIAN_HU[0]:.0f} to {MEDIAN_HU[1]:.0f}; is it a CT, rescale slope and intercept applied?"
    )


def _unlike_spacing(size, trained):
    """To a network, a scan of other pixels shows a head of another size."""
    if trained is None:
        return []
    low, high = (np.asarray(trained[name], np.float64) for name in ("low", "high"))
    outside = (size < low * (1 - SPACING_TOLERANCE)) | (size > high * (1 + SPACING_TOLERANCE))
    found = []
    if outside[:2].any():
        found.append(
            f"pixels of {size[0]:.3g} x {size[1]:.3g} mm, the model was trained on {low[:2].min():.3g} to "
            f"{high[:2].max():.3g} mm"
        )
    if outside[2]:
        found.append(
            f"slices {size[2]:.3g} mm apart, the model was trained on {low[2]:.3g} to {high[2]:.3g} mm"
        )
    return found
