"""How well a detector that was taught bags only ranks slices, beside what their position alone would score.

Lesions lie in the middle of a head more often than at its ends, so a slice metric means little until the
position prior's is known: the score -|position - middle of the head|, the middle being that of the bag.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import Estimate, difference_estimate, ranking_estimates
from mil_tf.evaluation.localisation import top_metrics
from mil_tf.evaluation.metrics import ONE_CLASS, MetricUndefined, Ranking, ranking_metrics, roc_auc
from mil_tf.evaluation.tables import UNKNOWN, Predictions
from mil_tf.evaluation.versus import Versus, mean_versus

# Positions written with few decimals make mirrored slices differ by rounding alone; below 1 um they are ties.
POSITION_DECIMALS = 3


class Slices(NamedTuple):
    """Rows of the instance table, grouped by bag: `bags` lists each bag's rows in order of source index."""

    bags: list
    bag_row: np.ndarray
    patient: np.ndarray
    source_index: np.ndarray
    y_true: np.ndarray
    y_prob: np.ndarray
    prior: np.ndarray
    position: np.ndarray


def position_prior(position):
    """-|position - middle| in mm of a bag's slices (n,), middle = half way from its first to its last."""
    middle = (np.min(position) + np.max(position)) / 2
    return -np.round(np.abs(position - middle), POSITION_DECIMALS)


def group_slices(predictions, instances):
    """Group slices by bag. An unknown slice of a bag labelled 0 is 0: that is what the bag's label says."""
    bag_order = np.argsort(predictions.id)
    bag_row = bag_order[np.searchsorted(predictions.id, instances.id, sorter=bag_order)]
    order = np.lexsort((instances.source_index, bag_row))
    bag_row, position = bag_row[order], instances.position[order]
    bags = np.split(np.arange(len(order)), np.flatnonzero(np.diff(bag_row)) + 1)
    implied = (instances.y_true[order] == UNKNOWN) & (predictions.y_true[bag_row] == 0)
    return Slices(bags, bag_row, predictions.patient[bag_row], instances.source_index[order],
                  np.where(implied, 0, instances.y_true[order]), instances.y_prob[order],
                  np.concatenate([position_prior(position[rows]) for rows in bags]), position)


def of_scans(predictions, instances):
    """The tables with scans as bags where every bag is one slice, SCAN/INDEX, as for nemcek2021; others as they are.

    A slice's place in its scan is what the position prior is about. A scan is positive where a slice is, and as
    probable as its likeliest slice.
    """
    single = len(instances.id) == len(predictions.id) == len(np.unique(instances.id))
    if not single or (np.char.find(predictions.id, "/") < 0).any():
        return predictions, instances
    scan_of = lambda ids: np.array([id.rpartition("/")[0] for id in ids.tolist()])  # noqa: E731
    scans, first, owner = np.unique(scan_of(predictions.id), return_index=True, return_inverse=True)
    truth, probability = np.zeros(len(scans), np.int64), np.zeros(len(scans))
    np.maximum.at(truth, owner, predictions.y_true)
    np.maximum.at(probability, owner, predictions.y_prob)
    found = Predictions(predictions.path, scans, predictions.patient[first], truth, probability)
    return found, dataclasses.replace(instances, id=scan_of(instances.id))


def slice_metrics(predictions, instances, bootstrap):
    """Slice metrics of a cohort, or None where no slice of the table has a truth.

    Where every bag is a slice, bags are scans here: see `of_scans`.

    Returns:
        dict: "counts" (what stands behind the numbers), and one `Versus` each for "pooled_auc", "pooled_ap"
        (over all slices with a truth), "within_auc" (mean over the bags that have both kinds of slices),
        "top_hit" (share of positive bags whose top slice is truly positive), "top_distance_mean" and
        "top_distance_median" (mm from their top slice to the nearest truly positive one).
    """
    if (instances.y_true == UNKNOWN).all():
        return None
    predictions, instances = of_scans(predictions, instances)
    slices = group_slices(predictions, instances)
    known = slices.y_true != UNKNOWN
    result = {"counts": _counts(slices, known)}
    result.update(_pooled(slices, known, bootstrap))
    result["within_auc"] = _within(slices, known, bootstrap)
    return {**result, **top_metrics(predictions, slices, bootstrap)}


def _counts(slices, known):
    mixed = [rows for rows in slices.bags if _is_mixed(slices.y_true[rows])]
    return {"slices": int(known.sum()), "positive_slices": int((slices.y_true == 1).sum()),
            "bags": len(np.unique(slices.bag_row[known])), "patients": len(np.unique(slices.patient[known])),
            "mixed_bags": len(mixed), "mixed_patients": len({slices.patient[rows[0]] for rows in mixed})}


def _is_mixed(y_true):
    return bool((y_true == 0).any() and (y_true == 1).any())


def _pooled(slices, known, bootstrap):
    truth, patient = slices.y_true[known], slices.patient[known]
    scores = slices.y_prob[known], slices.prior[known]
    try:
        points = [ranking_metrics(truth, score) for score in scores]
    except MetricUndefined as reason:
        return dict.fromkeys(("pooled_ap", "pooled_auc"), Versus(*[Estimate.undefined(reason)] * 3))
    rankings = [Ranking(truth, score) for score in scores]
    resampled = bootstrap(lambda weights: [ranking(weights) for ranking in rankings], patient)
    detector, prior = (ranking_estimates(truth, score, patient, bootstrap, values)
                       for score, values in zip(scores, resampled))
    patients = len(np.unique(patient))
    gains = [difference_estimate(points[0][i] - points[1][i], resampled[0, i] - resampled[1, i], patients)
             for i in range(2)]
    return {"pooled_ap": Versus(detector["ap"], prior["ap"], gains[0]),
            "pooled_auc": Versus(detector["auc"], prior["auc"], gains[1])}


def _within(slices, known, bootstrap):
    """Mean over mixed bags of each bag's own slice AUC."""
    bags = [rows[known[rows]] for rows in slices.bags if _is_mixed(slices.y_true[rows])]
    if not bags:
        return Versus(*[Estimate.undefined(ONE_CLASS)] * 3)
    truth = [slices.y_true[rows] for rows in bags]
    detector = np.array([roc_auc(t, slices.y_prob[rows]) for t, rows in zip(truth, bags)])
    prior = np.array([roc_auc(t, slices.prior[rows]) for t, rows in zip(truth, bags)])
    patient = slices.patient[[rows[0] for rows in bags]]
    return mean_versus(np.stack([detector, prior]), patient, bootstrap)
