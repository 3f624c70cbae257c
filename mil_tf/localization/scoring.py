"""How well points meet boxes (nemcek2021, section III), pooled over slices, with intervals by patient.

A box that a point lies in is a true positive, however many lie in it; one without any is a false negative; a point in
no box is a false positive. Boxes are truth for evaluation, nothing learns from them.
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import bootstrap_estimate

NAMES = ("ppv", "sensitivity", "dice")
UNDEFINED = ("undefined: no point", "undefined: no box", "undefined: neither point nor box")


class Counts(NamedTuple):
    """Of a slice, or summed over some."""

    tp: int
    fp: int
    fn: int


def count(points, boxes):
    """Counts of one slice.

    Args:
        points: (m, 2), row and column.
        boxes: (k, 4), y0, x0, y1, x1 in the same pixels, edges included.
    """
    meets = inside(points, boxes)
    hit = int(meets.any(axis=0).sum())
    return Counts(tp=hit, fp=int((~meets.any(axis=1)).sum()), fn=meets.shape[1] - hit)


def inside(points, boxes):
    """Whether points (m, 2) lie in boxes (k, 4) as of `count`: boolean (m, k)."""
    points, boxes = np.reshape(points, (-1, 1, 2)), np.reshape(boxes, (-1, 4))
    return ((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).all(axis=2)


def rates(counts):
    """PPV, sensitivity and Dice.

    Args:
        counts: tp, fp, fn in the last axis, shape (..., 3).

    Returns:
        float64 array (3, ...): tp / (tp + fp), tp / (tp + fn), 2 tp / (2 tp + fp + fn); NaN for 0 / 0.
    """
    tp, fp, fn = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)])


def estimates(counts, patient, bootstrap):
    """PPV, sensitivity and Dice over slices, as {name: Estimate}.

    Args:
        counts: tp, fp, fn of each slice, shape (n, 3); slices without points and boxes change nothing.
        patient: of each slice, shape (n,).
        bootstrap: `mil_tf.evaluation.intervals.PatientBootstrap` of a cohort that holds them.
    """
    counts = np.reshape(np.asarray(counts, np.int64), (-1, 3))
    patients, row = np.unique(patient, return_inverse=True)
    totals = np.zeros((len(patients), 3), np.int64)
    np.add.at(totals, row, counts)
    resampled = bootstrap(lambda weights: rates(weights @ totals), patients)
    tp, fp, fn = (int(each) for each in totals.sum(axis=0))
    of = {"ppv": {"k": tp, "n": tp + fp}, "sensitivity": {"k": tp, "n": tp + fn}, "dice": {}}
    return {
        name: bootstrap_estimate(value, each, len(patients), reason)._replace(**of[name])
        for name, value, each, reason in zip(NAMES, rates((tp, fp, fn)), resampled, UNDEFINED)
    }
