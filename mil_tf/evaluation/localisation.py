"""Where the top slice lies: whether it is truly positive, and how far it is from a slice that is.

A distance in mm tells a near miss from a slice elsewhere in the head. Beside both stands the position prior, whose top
slice is the middle one.
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import ONE_PATIENT, Estimate, rate_estimate
from mil_tf.evaluation.tables import UNKNOWN, TableError
from mil_tf.evaluation.versus import Versus, mean_versus, weighted_means

DISTANCES = ("top_distance_mean", "top_distance_median")
NO_TOP = "undefined: no positive bag with slice truth"


def top_metrics(predictions, slices, bootstrap):
    """{"top_hit", "top_distance_mean", "top_distance_median": Versus} of the bags' top slices.

    Args:
        predictions: the table of bags.
        slices: `mil_tf.evaluation.slices.Slices` of it.
        bootstrap: PatientBootstrap of the cohort.
    """
    tops = _tops(slices, predictions)
    if not tops:
        return dict.fromkeys(("top_hit", *DISTANCES), Versus(*[Estimate.undefined(NO_TOP)] * 3))
    patient = slices.patient[[bag.rows[0] for bag in tops]]
    return {"top_hit": _hit(slices, tops, patient, bootstrap), **_distance(slices, tops, patient, bootstrap)}


class _Top(NamedTuple):
    """A positive bag whose top slices' truth is known: its rows, and among them the detector's and the prior's top."""

    rows: np.ndarray
    tops: tuple


def _tops(slices, predictions):
    """The positive bags that have a positive slice and top slices of known truth."""
    found = []
    for rows in slices.bags:
        bag, truth = slices.bag_row[rows[0]], slices.y_true[rows]
        tops = _top_row(slices, predictions, bag, rows), int(np.argmax(slices.prior[rows]))
        if predictions.y_true[bag] == 1 and (truth == 1).any() and UNKNOWN not in truth[list(tops)]:
            found.append(_Top(rows, tops))
    return found


def _hit(slices, tops, patient, bootstrap):
    hits = np.array([slices.y_true[bag.rows[list(bag.tops)]] == 1 for bag in tops]).T
    every = np.ones(len(patient), dtype=bool)
    gain = mean_versus(hits.astype(np.float64), patient, bootstrap).gain
    return Versus(*(rate_estimate(every, hit, patient) for hit in hits), gain)


def _distance(slices, tops, patient, bootstrap):
    distances = np.array([_distances(slices, bag) for bag in tops]).T
    return {name: _distance_versus(statistic, distances, patient, bootstrap)
            for name, statistic in zip(DISTANCES, (weighted_means, weighted_medians))}


def _distances(slices, bag):
    """mm of the detector's and the prior's top slice of a bag."""
    position, truth = slices.position[bag.rows], slices.y_true[bag.rows]
    return [np.abs(position[truth == 1] - position[top]).min() for top in bag.tops]


def _distance_versus(statistic, distances, patient, bootstrap):
    """Versus of a statistic of both distances; the gain is how many mm the detector is nearer."""
    values = statistic(np.ones((1, len(patient))), distances)[:, 0]
    resampled = bootstrap(lambda weights: statistic(weights, distances), patient)
    rows = np.stack([*resampled, resampled[1] - resampled[0]])
    alone = len(np.unique(patient)) < 2
    return Versus(*(_percentiles(float(value), row, alone) for value, row in
                    zip((*values, values[1] - values[0]), rows)))


def _percentiles(value, resampled, alone):
    """The bootstrap's percentiles: a distance has no upper bound, and its median no smooth spread."""
    if alone:
        return Estimate(value, float("nan"), float("nan"), note=ONE_PATIENT)
    return Estimate(value, *map(float, np.nanquantile(resampled, (0.025, 0.975))))


def weighted_medians(weights, values):
    """Medians of each row of `values` (k, n), every one repeated by its weight in each of `weights` (r, n).

    Returns:
        float64 (k, r), NaN where all weights are 0.
    """
    return np.stack([_medians(weights, row) for row in values])


def _medians(weights, values):
    order = np.argsort(values)
    below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    total = below[:, -1:]
    lower, upper = (2 * below >= total).argmax(axis=1), (2 * below > total).argmax(axis=1)
    middle = (values[order][lower] + values[order][upper]) / 2
    return np.where(total[:, 0] > 0, middle, np.nan)


def _top_row(slices, predictions, bag, rows):
    """Place within `rows` of the bag's top slice: the one its table names, else the most probable."""
    if predictions.top_instance is None:
        return int(np.argmax(slices.y_prob[rows]))
    named = predictions.top_instance[bag]
    place = np.flatnonzero(slices.source_index[rows] == named)
    if not len(place):
        raise TableError(f"{predictions.path}: top_instance {named} of bag {predictions.id[bag]} is not one "
                         "of its slices in the instances table; the two must come from the same prediction.")
    return int(place[0])
