"""The detector of nemcek2021 (section II-D): which peaks of a map are points of bleeding."""

from typing import NamedTuple

import numpy as np

from mil_tf.localization.peaks import find_peaks, resized


class Detector(NamedTuple):
    """Three parameters, called with the Peaks of a map.

    h: least prominence of a peak. threshold: what its value must be above (T). distance: least distance between two
    points in pixels of the slice, of which the higher stays (d).
    """

    h: float
    threshold: float
    distance: float

    def __call__(self, peaks):
        """Points (m, 2), row and column in pixels, from the highest value down.

        Args:
            peaks: `mil_tf.localization.peaks.Peaks`.
        """
        standing = (peaks.prominence >= self.h) & (peaks.value > self.threshold)
        kept = np.empty((0, 2), np.int64)
        for point in np.stack([peaks.row, peaks.column], axis=1)[standing]:
            if (np.hypot(*(kept - point).T) >= self.distance).all():
                kept = np.vstack([kept, point])
        return kept


# nemcek2021, section II-E: the optimum that the authors found on maps of their networks: logits, and weights.
PUBLISHED = {"max": Detector(0.024, 0.76, 10), "attention": Detector(0.0038, 0.024, 58)}


def detect(positions, shape, detector):
    """The points that a detector finds on a slice, as it is called with the map's peaks.

    Args:
        positions: the map, (h', w').
        shape: (h, w) of the slice.
        detector: a Detector.
    """
    return detector(find_peaks(resized(positions, shape)))
