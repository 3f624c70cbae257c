"""Refinement of predicted masks along the edges of the image: g of parida2021 (sections 3 and 4.2).

The slice is cut into segments of one grey by Felzenszwalb and Huttenlocher (IJCV 2004), and a predicted mask is made to
follow their borders. The paper names two cases: where predictions are larger than the truth, g takes false positives
away ("shrink"), where they are smaller, it adds true positives ("grow"). How, and all constants, it leaves open.

On 90 slices of 30 phantoms (`docs/results/refinement.csv`) each case helps where it is meant to: mean Dice rises by
0.08 to 0.36 where masks too small are grown, by 0.06 to 0.16 where masks too large are shrunk. By type of bleed the
gain is above 0 throughout, but its interval is not for half masks of subarachnoid and ventricular blood and for
subdural masks 2 mm too large. Either harms in the other's place (a half mask shrunk loses 0.13, one 4 mm too large
grown 0.03), and both spoil a mask that was right already (by 0.02 and 0.05). So g is a choice to be made by looking at
the predictions, not a step that never hurts.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import median, sum_labels
from skimage.measure import label as components_of
from skimage.segmentation import felzenszwalb

CASES = ("grow", "shrink", "none")
DIAGONAL = 2  # pixels that touch at a corner hang together


class Refinement(NamedTuple):
    """The constants of g, all our decision: chosen on phantoms by `benchmarks/refinement.py`, reported on others.

    The bounds of growth (`joins`, `apart`, `times`) are tighter than the best on phantoms (0.05, 10 HU, 16 times; mean
    Dice 0.831 instead of 0.824), whose blood stands out more evenly than a patient's does.

    Attributes:
        level, width: HU, of the window in which the slice is cut: the subdural one of nemcek2021. In the narrower
            brain window blood and bone are both white, and segments run from one into the other.
        scale: mm2; the larger, the larger the segments. An edge parts two segments where it is higher than what is
            within them by more than `scale` / their area, on a grey scale of 0 to 255.
        sigma: mm, of the Gaussian that smooths before.
        least: mm2 of the smallest segment.
        joins: share of a segment that the prediction covers, from which on "grow" takes it whole.
        keeps: the same, below which "shrink" gives it up.
        darker: HU that a segment's mean may be below the median of the predicted part for "shrink" to keep it: around
            blood lie segments of what is neither blood nor brain, which a mask that is too large covers whole.
        apart: HU that a segment's mean may differ from the median of the predicted part for "grow" to take it.
        times: how many times the area of a predicted part "grow" may add to it.
        left: share of a predicted part that "shrink" must leave; where it would leave less, the part stays as it was
            (so do Khoreva et al. 2017 with regions that their segmenter all but empties).
    """

    level: float = 50.0
    width: float = 130.0
    scale: float = 30.0
    sigma: float = 0.5
    least: float = 10.0
    joins: float = 0.1
    keeps: float = 0.5
    darker: float = 20.0
    apart: float = 6.0
    times: float = 8.0
    left: float = 0.2


DEFAULT = Refinement()


def refined(slice_hu, prediction, case="grow", label=None, pixel=(1.0, 1.0), constants=DEFAULT):
    """A predicted mask, consistent with the image label, with its parts moved to the edges of the image.

    Args:
        slice_hu: (h, w) in HU.
        prediction: (h, w) class ids, 0 for none.
        case: "grow", "shrink", or "none", which leaves the extent as it is.
        label: see `consistent`.
        pixel: mm between rows and between columns.
        constants: a Refinement.

    Returns:
        uint8 (h, w), class ids. "grow" never loses a pixel of the consistent prediction, "shrink" never adds one.

    Raises:
        ValueError: an argument is of another kind than this.
    """
    slice_hu, prediction = _checked(slice_hu, prediction, case)
    given = consistent(prediction, label)
    if case == "none" or not given.any():
        return given
    return moved(slice_hu, given, cut(slice_hu, pixel, constants), case, constants)


def moved(slice_hu, given, segments, case, constants=DEFAULT):
    """A mask with its parts moved to the borders of segments.

    Args:
        slice_hu: (h, w) in HU.
        given: uint8 (h, w), class ids.
        segments: int64 (h, w), of `cut`.
        case: "grow" or "shrink".
        constants: a Refinement.

    Returns:
        uint8 (h, w).
    """
    return (_grown if case == "grow" else _shrunk)(np.float64(slice_hu), given, segments, constants)


def _checked(slice_hu, prediction, case):
    slice_hu, prediction = np.asarray(slice_hu), np.asarray(prediction)
    if case not in CASES:
        raise ValueError(f"Expected `case` to be one of {CASES}. Received: case={case!r}")
    if slice_hu.ndim != 2 or slice_hu.shape != prediction.shape:
        raise ValueError("Expected a slice and a prediction of one shape (h, w). "
                         f"Received: {slice_hu.shape} and {prediction.shape}")
    if not np.isfinite(slice_hu).all():
        raise ValueError("Expected a slice of finite HU. Received: NaN or infinite values in it")
    return slice_hu, prediction


def consistent(prediction, label=None):
    """A prediction without classes that the image does not have (our decision, where the paper is silent).

    With one type every predicted pixel becomes that type: where there is blood, it can be no other. With none,
    nothing remains. With several, pixels of a type that the image has not become that type of the image which has
    most pixels in their part, and a part without any is dropped, because nothing says which it would be.

    Args:
        prediction: (h, w) class ids, 0 for none.
        label: the class ids that the image has, () for a healthy one; None where they are not known.

    Returns:
        uint8 (h, w).
    """
    found = np.array(prediction, np.uint8)
    if label is None:
        return found
    allowed = sorted({int(each) for each in label})
    if len(allowed) < 2:
        found[found > 0] = allowed[0] if allowed else 0
        return found
    parts = _parts(found)
    counts = [_sums(found == kind, parts) for kind in allowed]
    instead = np.where(np.max(counts, axis=0) > 0, np.array(allowed)[np.argmax(counts, axis=0)], 0)
    wrong = (found > 0) & ~np.isin(found, allowed)
    found[wrong] = instead[parts[wrong]]
    return found


def cut(slice_hu, pixel=(1.0, 1.0), constants=DEFAULT):
    """The segments of a slice, int64 (h, w) from 0.

    Args:
        slice_hu, pixel, constants: as for `refined`.
    """
    low = constants.level - constants.width / 2
    grey = np.clip((np.float64(slice_hu) - low) / constants.width, 0, 1)
    area = float(np.prod(pixel))
    return felzenszwalb(grey, scale=constants.scale / area, sigma=constants.sigma / area**0.5,
                        min_size=max(1, round(constants.least / area)), channel_axis=None)


def _grown(slice_hu, given, segments, constants):
    """Segments join the part that covers most of them, the best covered first, while its growth is within bounds."""
    found, parts = given.copy(), _parts(given)
    room = constants.times * np.bincount(parts.ravel())
    usual = _usual(slice_hu, parts)
    size = np.bincount(segments.ravel())
    bright = _sums(slice_hu, segments) / size
    for segment, part, covered in _meetings(segments, parts, size):
        added = (segments == segment) & (found == 0)
        more = np.count_nonzero(added)
        alike = abs(bright[segment] - usual[part]) <= constants.apart
        if covered >= constants.joins and alike and more <= room[part]:
            found[added] = _commonest(given[(segments == segment) & (parts == part)])
            room[part] -= more
    return found


def _meetings(segments, parts, size):
    """(segment, part, share of the segment that any part covers), best covered first, once a segment."""
    inside = parts > 0
    pairs, counts = np.unique(np.stack([segments[inside], parts[inside]]), axis=1, return_counts=True)
    covered = np.bincount(segments[inside], minlength=len(size)) / size
    ascending = pairs.T[np.argsort(counts, kind="stable")].tolist()
    most = dict(ascending)  # of a segment that several parts meet, the last: the one that covers most of it
    return sorted(((each, part, covered[each]) for each, part in most.items()), key=lambda met: (-met[2], met[0]))


def _shrunk(slice_hu, given, segments, constants):
    """Predicted pixels stay in segments that are covered enough and not too dark for their part.

    A part that would be all but lost stays as it was.
    """
    parts = _parts(given)
    size = np.bincount(segments.ravel())
    covered = np.bincount(segments[given > 0], minlength=len(size)) / size
    bright = _sums(slice_hu, segments) / size
    dark = bright[segments] < (_usual(slice_hu, parts) - constants.darker)[parts]
    kept = (given > 0) & (covered >= constants.keeps)[segments] & ~dark
    left = _sums(kept, parts) / np.bincount(parts.ravel())
    return np.where(kept | (left < constants.left)[parts], given, 0).astype(np.uint8)


def _parts(mask):
    """Parts of a mask that hang together, whatever their classes, numbered from 1."""
    return components_of(mask > 0, connectivity=DIAGONAL)


def _sums(values, labels):
    return sum_labels(values, labels, np.arange(labels.max() + 1))


def _usual(slice_hu, parts):
    """The median HU of every part: unlike the mean it stays where some pixels are of bone."""
    return median(slice_hu, parts, np.arange(parts.max() + 1))


def _commonest(kinds):
    return np.bincount(kinds).argmax()
