"""The area under the ROC curve of very many weighted scores, for any weighting of the slides they come from.

The AUC is the share of pairs, a positive and a negative pixel, in the right order (a tie is half a pair). Summed by
where the two lie, those pairs are a table of slides by slides; a resample of patients weighs its rows and
columns, so that thousands of resamples of billions of pixels are a product of small matrices.

Scores are counted in bins: the distinct scores themselves as long as there are no more than BINS, so that the AUC is
exact; else so many of them, evenly spread over their ranks, and pixels between two of them tie. That moves the AUC by
less than 1e-4 (tests hold it to that), which no figure shows.
"""

import numpy as np

BINS = 1 << 16  # our decision


def bins_of(scores):
    """Upper ends of the bins, float64 (b,), ascending; the last is the greatest score.

    Args:
        scores: iterable of arrays, finite, such as one a slide.
    """
    thinned = [_thinned(np.unique(each)) for each in scores]
    return _thinned(np.unique(np.concatenate(thinned))) if thinned else np.empty(0)


def _thinned(values):
    """At most BINS of sorted values, evenly spread, the last among them."""
    if len(values) <= BINS:
        return values
    return values[np.linspace(len(values) / BINS, len(values), BINS).round().astype(np.int64) - 1]


class PairTable:
    """Positive and negative pixels of slides over bins, and the pairs that they make.

    Args:
        bins: of `bins_of`.
        slides: how many.
    """

    def __init__(self, bins, slides):
        self._bins = bins
        # The first bin lies below every score: pixels of which nothing is said.
        self._counts = np.zeros((2, slides, 1 + len(bins)))

    def add(self, slide, score, positive, negative):
        """Counts pixels of slide number `slide`: `score`, `positive` and `negative` are arrays (m,)."""
        place = 1 + np.searchsorted(self._bins, score)
        for counts, pixels in zip(self._counts, (positive, negative)):
            counts[slide] += np.bincount(place, pixels, minlength=counts.shape[1])

    def add_below(self, slide, positive, negative):
        """Counts pixels of a slide that score below all others."""
        self._counts[:, slide, 0] += positive, negative

    def pairs(self):
        """(right, positive, negative).

        Returns:
            right: float64 (s, s), how many pairs of a positive pixel of one slide (row) and a negative one of another
                (column) are in the right order. positive, negative: float64 (s,), pixels of each slide.
        """
        positive, negative = self._counts
        below = np.cumsum(negative, axis=1)
        below -= negative / 2
        return positive @ below.T, positive.sum(axis=1), negative.sum(axis=1)


def pair_auc(right, positive, negative, weights):
    """The AUC of each weighting of slides.

    Args:
        right, positive, negative: of `PairTable.pairs`.
        weights: (r, s).

    Returns:
        float64 array (r,), NaN where a weighting leaves one class.
    """
    weights = np.asarray(weights, np.float64)
    with np.errstate(invalid="ignore"):
        return ((weights @ right) * weights).sum(axis=1) / ((weights @ positive) * (weights @ negative))
