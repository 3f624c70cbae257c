"""Scores the predictions of any models: `evaluate.py --predictions`, in both readings of a cross-validation."""

from pathlib import Path
from typing import NamedTuple

from mil_tf.evaluation.calibration import Calibration, calibrate
from mil_tf.evaluation.foreign import Foreign, read_foreign, same_bags
from mil_tf.evaluation.grouping import folds_of, group_files
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.paired import compare
from mil_tf.evaluation.readings import Ensemble, ensemble, per_fold
from mil_tf.evaluation.tables import TableError


class Group(NamedTuple):
    """Models of one cross-validation with both readings.

    `tables` are their Predictions, of the same bags in the same order; `per_fold` maps metrics to Across; `has_id` and
    `has_patient` are whether the files name bags and patients.
    """

    name: str
    tables: list
    per_fold: dict
    ensemble: Ensemble
    calibration: Calibration
    has_id: bool
    has_patient: bool

    @property
    def counts(self):
        """{"bags", "patients", "positives"} of the test set."""
        table = self.tables[0]
        return {"bags": len(table.id), "patients": len(set(table.patient)), "positives": int(table.y_true.sum())}


class Comparison(NamedTuple):
    """Two sets of predictions of the same bags: what was compared, and {"ap", "auc": Difference}, first - second."""

    group: str
    what: str
    differences: dict


def score_files(words, against=None, out=None, resamples=2000, seed=0, show=print):
    """Score files of predictions and show both readings of each group.

    Args:
        words, against: what the user typed after --predictions and --against (or None).
        out: folder for predictions-scored.csv, .json and the figures, or None.
        resamples, seed: of the bootstrap by patient.
        show: called with each piece of text.

    Returns:
        (list of Group, list of Comparison); of tables of several classes (list of ClassGroup, []).

    Raises:
        TableError: what is wrong, in one line.
    """
    from mil_tf.evaluation import scored_results, scored_text
    from mil_tf.evaluation.fields.scored import of_classes, score_class_files

    if of_classes(words):
        if against:
            raise TableError("Expected --against beside tables of one class (y_true,y_prob). Received: of several.")
        return score_class_files(words, out, resamples, seed, show), []
    groups = _score_all(words, resamples, seed)
    compared = []
    for one, other in _partners(groups, _score_all(against, resamples, seed) if against else []):
        compared += _compare(one, other, resamples, seed)
    for group in groups:
        show(scored_text.group_text(group) + "\n")
    if scored_text.notes_text(groups):
        show(scored_text.notes_text(groups) + "\n")
    if len(groups) > 1:
        show(scored_text.groups_text(groups))
    if compared:
        show(scored_text.compared_text(compared))
    if out is not None:
        show(f"written: {scored_results.write(Path(out), groups, compared, resamples, seed)}")
    return groups, compared


def _score_all(words, resamples, seed):
    return [score_group(name, paths, resamples, seed) for name, paths in group_files(words).items()]


def score_group(name, paths, resamples=2000, seed=0):
    """The Group of some files. Raises TableError if they are not of the same bags."""
    found = [read_foreign(path) for path in paths]
    tables = same_bags(found)
    together = ensemble(tables, resamples, seed)
    truth, patient = together.predictions.y_true, together.predictions.patient
    calibration = calibrate(truth, together.predictions.y_prob, patient, PatientBootstrap(patient, resamples, seed))
    return Group(name, tables, per_fold(tables, folds_of(paths)), together, calibration, *found[0][1:])


def _partners(groups, others):
    """Pairs of groups to compare: those of one name, or the only two there are."""
    if len(groups) == len(others) == 1:
        return list(zip(groups, others))
    known = {other.name: other for other in others}
    missing = [group.name for group in groups if group.name not in known] if others else []
    if missing or len(known) > len(groups):
        raise TableError(f"Expected --against with the groups {', '.join(group.name for group in groups)}. "
                         f"Received: {', '.join(known)}.")
    return [(group, known[group.name]) for group in groups if others]


def _compare(one, other, resamples, seed):
    """The ensembles, and the models of each by each where both have as many."""
    pairs = [("ensemble", one.ensemble.predictions, other.ensemble.predictions)]
    if len(one.tables) == len(other.tables) > 1:
        pairs += [(f"{a.path} - {b.path}", a, b) for a, b in zip(one.tables, other.tables)]
    bootstrap = PatientBootstrap(one.tables[0].patient, resamples, seed)
    found = []
    for what, *tables in pairs:
        first, second = same_bags([Foreign(table, group.has_id, group.has_patient)
                                   for table, group in zip(tables, (one, other))])
        differences = compare(first.y_true, first.y_prob, second.y_prob, first.patient, bootstrap)
        found.append(Comparison(one.name, what, differences))
    return found
