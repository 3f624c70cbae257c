"""Where a slice bleeds, as far as that is known: boxes to score points against, never to learn from."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt
from skimage.measure import label, regionprops

from mil_tf.localization.peaks import DIAGONAL


class Parts(NamedTuple):
    """Which parts of a mask have a box. joined: mm between pixels' centres up to which two parts are one, beside those
    that touch. least: cm2 of blood that a part has.
    """

    joined: float = 0.0
    least: float = 0.0


EVERY = Parts()
# Our decision, for masks alone: in a coarse slice a bleed falls into specks, which a reader would not box each. The
# least area is that from which on a phantom's slice counts as bleeding.
DRAWN = Parts(joined=8.0, least=0.5)


def boxes_of(bag, parts=DRAWN):
    """The boxes of a slice: its own, else one a part of its mask.

    Args:
        bag: `tfrecords.Bag` of one slice; without a spacing, pixels count as 1 mm.
        parts: Parts; EVERY takes each that hangs together, over corners too. Where none is large enough, the largest
            has a box.

    Returns:
        float64 array (k, 4), y0, x0, y1, x1 in pixels whose centres are whole numbers; a negative slice without boxes
        and mask has none. None where boxes are not known: on a positive one on which nothing is drawn.

    Raises:
        ValueError: the bag has not one instance.
    """
    if bag.n != 1:
        raise ValueError(f"Expected a bag of one slice. Received: {bag.n} of bag {bag.id}")
    drawn = np.empty((0, 4))
    if bag.boxes is not None:
        drawn = bag.boxes[:, 1:].astype(np.float64)
    elif bag.mask is not None:
        drawn = _around(bag.mask[0] > 0, parts, (1.0, 1.0) if bag.spacing is None else bag.spacing[1::-1])
    return drawn if len(drawn) or (bag.label == 0).all() else None


def _around(mask, parts, pixel):
    near = distance_transform_edt(~mask, sampling=pixel) <= parts.joined / 2 if mask.any() else mask
    found = regionprops(label(near, connectivity=DIAGONAL) * mask)
    large = [part for part in found if part.area * np.prod(pixel) / 100 >= parts.least]
    kept = large or sorted(found, key=lambda part: -part.area)[:1]
    # Of pixel borders: regionprops counts from a part's first pixel to the one after its last.
    return np.reshape([part.bbox for part in kept], (-1, 4)) - 0.5
