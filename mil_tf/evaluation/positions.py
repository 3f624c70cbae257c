"""Where it bleeds: the points on a cohort's slices against boxes, as nemcek2021 scores them (section III, Table I).

Only on patients that the detector's parameters were not tuned on. Beside it stands one point in the middle of each
slice that is called positive: what needs no map.
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.columns import TableError, line_of
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.localization.scoring import estimates


class Positions(NamedTuple):
    """The score of a cohort's points.

    `counts` are the slices, patients, positive slices and boxes; `points` and `middle` map "ppv", "sensitivity" and
    "dice" to Estimates, the latter {} where its table has none; `detector` is the run's detector.json, {} where there
    is none; `tuned` counts the patients with boxes that the detector was tuned on and that are left out here.
    """

    counts: dict
    points: dict
    middle: dict
    detector: dict
    tuned: int

    @property
    def sample(self):
        """What stands behind the numbers, in words."""
        return "{slices} slices of {patients} patients, {positives} positive, {boxes} boxes".format(**self.counts)

    def numbers(self):
        """As plain JSON values."""
        points, middle = ({name: each.numbers() for name, each in of.items()} for of in (self.points, self.middle))
        return {"counts": self.counts, "tuned_patients": self.tuned, "detector": self.detector, "points": points,
                "middle_points": middle}

    def rows(self):
        """(metric, None, Estimate) of every number, flat, for a table."""
        for prefix, found in (("points", self.points), ("middle_points", self.middle)):
            yield from ((f"{prefix}_{name}", None, estimate) for name, estimate in found.items())

    def as_bags(self):
        """The counts under the names that they have in tables of bags, which slices are here."""
        return {"bags": self.counts["slices"], **{name: self.counts[name] for name in ("patients", "positives")}}


def score_positions(located, predictions, detector, resamples, seed):
    """Scores a cohort's points, or returns None where all its slices were tuned on.

    Args:
        located: `mil_tf.localization.tables.Located` of the cohort.
        predictions: its Predictions.
        detector: what the run's detector.json holds.
        resamples, seed: of the bootstrap by patient.

    Raises:
        TableError: a slice is none of `predictions`.
    """
    stranger = ~np.isin(located.id, predictions.id)
    if stranger.any():
        raise TableError(f"{located.path}, line {line_of(stranger)}: slice {located.id[stranger][0]} is not in "
                         f"{predictions.path.name}; the two tables must come from the same prediction.")
    tested = located.used == "test"
    if not tested.any():
        return None
    patient, bootstrap = located.patient[tested], PatientBootstrap(located.patient[tested], resamples, seed)
    counts = {"slices": int(tested.sum()), "patients": len(bootstrap.patients),
              "positives": int(located.y_true[tested].sum()), "boxes": int(located.boxes[tested].sum())}
    points, middle = ({} if found is None else estimates(found[tested], patient, bootstrap)
                      for found in (located.counts, located.middle))
    return Positions(counts, points, middle, detector, len(np.unique(located.patient[~tested])))
