"""Which slices the figure of maps shows: a rule over a run's tables, so that nobody picks the pretty ones."""

from typing import NamedTuple

KINDS = {
    "one box, found": lambda row: row.boxes == 1 and row.tp == 1,
    "several boxes, two or more found": lambda row: row.tp > 1,
    "a box is missed": lambda row: row.fn > 0,
    "a point beside the boxes": lambda row: row.boxes > 0 and row.fp > 0,
    "negative, with a point": lambda row: row.y_true == 0 and row.fp > 0,
    "negative, without a point": lambda row: row.y_true == 0 and row.fp == 0,
}
RULE = ("Test slices, of each kind the one with the highest probability,\n"
        "of a patient who is not shown yet where there is one")


class Choice(NamedTuple):
    """A slice with its counts, and the kind that it was chosen for."""

    id: str
    patient: str
    kind: str
    y_true: int
    probability: float
    boxes: int
    tp: int
    fp: int
    fn: int

    @property
    def title(self):
        """Two lines to stand above its picture."""
        return (f"{self.id}: {self.kind}\nprobability {self.probability:.3f}; boxes {self.boxes}, found {self.tp}; "
                f"false points {self.fp}")


def choose(located, predictions):
    """At most one Choice of each kind, in the order of KINDS; no slice twice.

    Args:
        located: `mil_tf.localization.tables.Located` of a cohort; only its rows "test" are shown.
        predictions: the cohort's Predictions.
    """
    rows, chosen = _rows(located, predictions), []
    for kind, fits in KINDS.items():
        patients, ids = {row.patient for row in chosen}, {row.id for row in chosen}
        fitting = [row for row in rows if row.id not in ids and fits(row)]
        if fitting:
            best = min(fitting, key=lambda row: (row.patient in patients, -row.probability, row.id))
            chosen.append(best._replace(kind=kind))
    return chosen


def _rows(located, predictions):
    probability = dict(zip(predictions.id.tolist(), predictions.y_prob.tolist()))
    columns = (located.id, located.patient, located.y_true, located.boxes, *located.counts.T)
    return [
        Choice(id, patient, "", y_true, probability[id], boxes, *counts)
        for id, patient, y_true, boxes, *counts in zip(*(each[located.used == "test"].tolist() for each in columns))
    ]
