"""Ranking metrics and decision rates of a binary table, by scikit-learn's definitions.

Everything that depends on the order of the scores goes through :class:`Ranking`, which sorts once and then
answers for any number of weightings of the rows: a bootstrap is a matrix of weights, not a loop.
"""

from typing import NamedTuple

import numpy as np

ONE_CLASS = "undefined: one class only"


class MetricUndefined(ValueError):
    """The metric has no value on this table; the message says why, ready to be shown in its place."""


class Ranking:
    """The order of `n` scores and what follows from it, for any weighting of the rows.

    Only the groups of equal scores that hold a positive matter for both metrics, so after one cumulative sum
    over all rows the work shrinks to those groups: with few positives it costs little more than the sum.

    Args:
        y_true: 0 or 1, shape (n,).
        y_score: any finite real numbers, higher = more positive, shape (n,).

    Raises:
        MetricUndefined: if only one class is present.
    """

    def __init__(self, y_true, y_score):
        y_true, y_score = np.asarray(y_true).astype(bool), np.asarray(y_score, dtype=np.float64)
        if y_true.all() or not y_true.any():
            raise MetricUndefined(ONE_CLASS)
        self.order = np.argsort(-y_score, kind="stable")
        positive, ranked = y_true[self.order], y_score[self.order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        ends = np.r_[starts[1:], len(ranked)]
        self.positives = np.flatnonzero(positive)
        first = np.searchsorted(self.positives, starts)
        keep = first < np.searchsorted(self.positives, ends)
        self._first_positive, self._starts, self._ends = first[keep], starts[keep], ends[keep]

    def __call__(self, weights):
        """Average precision and ROC AUC of each weighting.

        Args:
            weights: weight of each row (a multiplicity, in a bootstrap), shape (r, n).

        Returns:
            Two float64 arrays of shape (r,): average precision, AUC. NaN where a weighting leaves one class.
        """
        ranked = np.take(weights, self.order, axis=1)
        above = np.zeros((len(ranked), ranked.shape[1] + 1))
        np.cumsum(ranked, axis=1, out=above[:, 1:])
        gain = np.add.reduceat(ranked[:, self.positives], self._first_positive, axis=1).astype(np.float64)
        found = np.cumsum(gain, axis=1)
        start, end = above[:, self._starts], above[:, self._ends]
        all_positive, total = found[:, -1], above[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(gain > 0, found / end, 0.0)
            ap = (gain * precision).sum(axis=1) / all_positive
            # A positive beats the negatives ranked below its group, and half of those inside it.
            false_before, false_after = start - (found - gain), end - found
            wins = total[:, None] - all_positive[:, None] - (false_before + false_after) / 2
            auc = (gain * wins).sum(axis=1) / (all_positive * (total - all_positive))
        ap[total == all_positive] = np.nan
        return ap, auc


def ranking_metrics(y_true, y_score):
    """(average precision, AUC) of a table; raises MetricUndefined for one class."""
    ap, auc = Ranking(y_true, y_score)(np.ones((1, len(y_true))))
    return float(ap[0]), float(auc[0])


def average_precision(y_true, y_score):
    """Average precision as the step sum over recall, ties taken together (scikit-learn's definition)."""
    return ranking_metrics(y_true, y_score)[0]


def roc_auc(y_true, y_score):
    """Area under the ROC curve: P(positive scores above negative) + P(tie) / 2."""
    return ranking_metrics(y_true, y_score)[1]


def cumulative_counts(y_true, y_score):
    """Counts of rows at or above each distinct score.

    Returns:
        (thresholds, true positives, false positives): distinct scores from high to low, and int64 counts.
    """
    y_true, y_score = np.asarray(y_true).astype(np.int64), np.asarray(y_score, dtype=np.float64)
    order = np.argsort(-y_score, kind="stable")
    ranked, hits = y_score[order], np.cumsum(y_true[order])
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    return ranked[last], hits[last], last + 1 - hits[last]


def precision_recall_curve(y_true, y_score):
    """(recall, precision) from the highest threshold down, for drawing as steps; starts at recall 0."""
    _, tp, fp = cumulative_counts(y_true, y_score)
    if tp[-1] == 0 or fp[-1] == 0:
        raise MetricUndefined(ONE_CLASS)
    return np.r_[0.0, tp / tp[-1]], np.r_[1.0, tp / (tp + fp)]


def roc_curve(y_true, y_score):
    """(false positive rate, true positive rate) from (0, 0) to (1, 1)."""
    _, tp, fp = cumulative_counts(y_true, y_score)
    if tp[-1] == 0 or fp[-1] == 0:
        raise MetricUndefined(ONE_CLASS)
    return np.r_[0.0, fp / fp[-1]], np.r_[0.0, tp / tp[-1]]


class Confusion(NamedTuple):
    """Counts of decisions; a row is called positive where its probability is at or above the threshold."""

    tn: int
    fp: int
    fn: int
    tp: int


def confusion(y_true, y_prob, threshold):
    """Confusion of `y_prob >= threshold` against `y_true` (0/1)."""
    return confusion_of(y_true, np.asarray(y_prob) >= threshold)


def confusion_of(y_true, called):
    """Confusion of decisions (0/1 or boolean, shape (n,)) against `y_true`."""
    truth, called = np.asarray(y_true).astype(bool), np.asarray(called).astype(bool)
    return Confusion(tn=int((~truth & ~called).sum()), fp=int((~truth & called).sum()),
                     fn=int((truth & ~called).sum()), tp=int((truth & called).sum()))


# name -> (rows that count, rows among them that succeed), both as masks of (truth, called).
RATES = {
    "tpr": lambda truth, called: (truth, called),
    "tnr": lambda truth, called: (~truth, ~called),
    "ppv": lambda truth, called: (called, truth),
    "npv": lambda truth, called: (~called, ~truth),
    "accuracy": lambda truth, called: (np.ones_like(truth), truth == called),
}


def rate_masks(name, y_true, y_prob, threshold):
    """(rows that count, rows that succeed) of a rate of RATES, two boolean arrays of shape (n,)."""
    return RATES[name](np.asarray(y_true).astype(bool), np.asarray(y_prob) >= threshold)
