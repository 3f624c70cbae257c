"""The decision threshold, chosen on the validation bags and only applied elsewhere."""

import numpy as np

from mil_tf.evaluation.metrics import ONE_CLASS, MetricUndefined, cumulative_counts

# remedios2020: a volume is positive if any of its slices is, so if its top probability reaches one half.
PAPER_THRESHOLD = 0.5


def choose_threshold(y_true, y_prob):
    """Threshold of maximal Youden index J = TPR + TNR - 1 (Youden, Cancer 1950).

    Every threshold between two neighbouring probabilities decides alike, so the best ones form intervals. Of
    these the widest is taken, and its middle: the choice that leaves the most room on both sides for a new
    bag (our decision; of equally wide intervals the lowest, which misses fewer positives).

    Args:
        y_true: 0 or 1, shape (n,).
        y_prob: probabilities in [0, 1], shape (n,).

    Returns:
        A float in [0, 1]; a bag is positive where its probability is at or above it.

    Raises:
        MetricUndefined: if only one class is present.
    """
    scores, tp, fp = cumulative_counts(y_true, y_prob)
    if tp[-1] == 0 or fp[-1] == 0:
        raise MetricUndefined(ONE_CLASS)
    # From low to high: interval i is (edges[i], edges[i + 1]]. In whole numbers, so that ties are exact.
    youden = np.r_[0, tp * fp[-1] - fp * tp[-1]][::-1]
    edges = np.r_[0.0, scores[::-1], 1.0]
    low, high = _best_runs(youden, edges)
    widest = int(np.argmax(high - low))
    middle = (low[widest] + high[widest]) / 2
    return float(middle if middle > low[widest] else high[widest])


def _best_runs(youden, edges):
    """Ends of the intervals of maximal J, neighbours joined: two float arrays."""
    best = np.r_[False, youden == youden.max(), False]
    change = np.flatnonzero(best[1:] != best[:-1])
    return edges[change[0::2]], edges[change[1::2]]
