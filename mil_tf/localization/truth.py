"""Where a slice bleeds, as far as that is known: boxes to score points against, never to learn from."""

import numpy as np
from skimage.measure import label, regionprops

from mil_tf.localization.peaks import DIAGONAL


def boxes_of(bag):
    """The boxes of a slice: its own, else one a part of its mask that hangs together, over corners too.

    Args:
        bag: `tfrecords.Bag` of one slice.

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
        drawn = _around(bag.mask[0] > 0)
    return drawn if len(drawn) or (bag.label == 0).all() else None


def _around(mask):
    parts = regionprops(label(mask, connectivity=DIAGONAL))
    # Of pixel borders: regionprops counts from a part's first pixel to the one after its last.
    return np.reshape([part.bbox for part in parts], (-1, 4)) - 0.5
