"""Every number of one cohort of images: images, treatments, cropped cells, decisions, calibration."""

from dataclasses import dataclass

import numpy as np

from mil_tf.evaluation.calibration import Calibration, calibrate
from mil_tf.evaluation.cohort import PAPER_RULE
from mil_tf.evaluation.columns import UNKNOWN
from mil_tf.evaluation.fields.cells_found import CellsFound
from mil_tf.evaluation.fields.decided import decide, paper_thresholds
from mil_tf.evaluation.fields.level import Level, measure
from mil_tf.evaluation.fields.names import CELL_BAG, CELL_OWN, IMAGE, IMAGES, POOL, REPLICATE, TREATMENT
from mil_tf.evaluation.fields.tables import Fields, sums_told
from mil_tf.evaluation.fields.treatments import by_replicate, by_treatment
from mil_tf.evaluation.intervals import PatientBootstrap

VALIDATION_RULE = "at the validation thresholds"
# Our decision: a standard error of 200 resamples is known to 5 %, and a screen has a million cells.
BUDGET, LEAST_RESAMPLES = 20_000_000, 200


@dataclass(frozen=True, eq=False)
class FieldScore:
    """One cohort with its table and numbers.

    `levels` maps keys of `mil_tf.evaluation.fields.names.LEVELS` to Levels, as many as the tables can answer;
    `decisions` are of sets with several labels an image, else none; `notes` are lines on what is odd in the tables;
    `cells_found` is of the cells that Jacobian maps find, None where none were looked for.
    """

    name: str
    predictions: Fields
    single_label: bool
    levels: dict[str, Level]
    decisions: list
    calibration: Calibration
    notes: tuple = ()
    cells_found: CellsFound | None = None
    nouns = IMAGES

    @property
    def counts(self):
        """{"images", "wells", "classes", "treatments"}."""
        table = self.predictions
        return {"images": len(table.id), "wells": len(np.unique(table.patient)), "classes": len(table.classes),
                "treatments": len(set(table.treatment) - {""})}

    @property
    def replicates(self):
        """Names of the replicates that the images are of, sorted."""
        return sorted(set(self.predictions.replicate) - {""}, key=lambda name: (len(name), name))

    @property
    def sample(self):
        """The cohort's size in words, to stand beside every figure and table."""
        counts, replicates = self.counts, self.replicates
        parts = [f"{counts['images']:,} images of {counts['wells']:,} wells", f"{counts['classes']} classes"]
        parts += [f"{counts['treatments']:,} treatments"] if counts["treatments"] else []
        parts += [f"replicate{'s' if len(replicates) > 1 else ''} {' and '.join(replicates)}"] if replicates else []
        return ", ".join(parts)

    def numbers(self):
        """Everything as plain JSON values; undefined ones are null, with the reason in `note`."""
        return {"counts": {**self.counts, "replicates": self.replicates}, "single_label": self.single_label,
                "notes": list(self.notes), "levels": {name: level.numbers() for name, level in self.levels.items()},
                "decisions": [decided.numbers() for decided in self.decisions],
                "calibration": self.calibration.numbers(),
                **({} if self.cells_found is None else {"cells_found": self.cells_found.numbers()})}

    def rows(self):
        """(metric, class or "", threshold or None, Estimate, rows, wells) of every number, flat, for a table."""
        for name, level in self.levels.items():
            sizes = level.rows, level.patients
            yield from ((f"{name}_{metric}", "", None, one, *sizes) for metric, one in level.estimates.items())
            for metric, found in level.by_class().items():
                yield from ((f"{name}_{metric}", each, None, one, *sizes) for each, one in found.items())
        sizes = self.counts["images"], self.counts["wells"]
        for decided in self.decisions:
            rule = rule_suffix(decided)
            yield from ((f"{rate}_{how}{rule}", "", None, one, *sizes) for (how, rate), one in decided.average.items())
            for rate, found in decided.by_class.items():
                yield from ((rate + rule, each, decided.thresholds[each], one, *sizes) for each, one in found.items())
        yield "calibration_error", "", None, self.calibration.error, *sizes
        if self.cells_found is not None:
            sizes = self.cells_found.images, self.cells_found.wells
            yield from ((f"cells_{name}", "", None, one, *sizes) for name, one in self.cells_found.estimates.items())

    def summary(self):
        """{column: value} of what a table over runs shows: counts, then every number that is of no single class."""
        row = {**self.counts, "replicates": " ".join(self.replicates)}
        for metric, each, _, one, *_ in self.rows():
            if not each:
                row.update({metric: one.value, f"{metric}_low": one.low, f"{metric}_high": one.high})
        return row


def score_fields(name, table, cells=None, thresholds=None, resamples=2000, seed=0, single_label=None):
    """Score one cohort of images.

    Args:
        name: of the cohort.
        table: its Fields.
        cells: its Cells, None where no cell is known.
        thresholds: {class: threshold} chosen on validation, applied beside 0.5; None leaves them out.
        resamples, seed: of the bootstrap by well.
        single_label: whether every image has exactly one class; None looks.

    Raises:
        TableError: if the images of a treatment have different classes.
    """
    if single_label is None:
        single_label = bool((table.y_true.sum(axis=1) == 1).all())
    bootstrap = resampling(table.patient, resamples, seed)
    levels = [_level(IMAGE, table, table.y_prob, bootstrap)]
    if table.y_pool is not None:
        levels.append(_level(POOL, table, table.y_pool, bootstrap))
    for level, found in ((TREATMENT, by_treatment(table)), (REPLICATE, by_replicate(table))):
        if found is not None:
            levels.append(_level(level, found, found.y_prob, resampling(found.patient, resamples, seed)))
    levels += _cell_levels(cells, table.classes, resamples, seed)
    top = np.arange(len(table.id)), table.y_prob.argmax(axis=1)
    calibration = calibrate(table.y_true[top], table.y_prob[top], table.patient, bootstrap)
    return FieldScore(name, table, single_label, {level.name: level for level in levels},
                      [] if single_label else _decisions(table, thresholds, bootstrap), calibration,
                      tuple(filter(None, [sums_told(table) if single_label else ""])))


def resampling(patient, resamples, seed):
    """PatientBootstrap of rows of these wells; of very many rows with fewer resamples."""
    return PatientBootstrap(patient, min(resamples, max(LEAST_RESAMPLES, BUDGET // len(patient))), seed)


def rule_suffix(decided):
    """What a Decided's numbers are called by in tables."""
    return "_at_0.5" if decided.rule == PAPER_RULE else "_at_validation_thresholds"


def _level(name, table, scores, bootstrap):
    return measure(name, table.classes, table.y_true, scores, table.patient, bootstrap)


def _decisions(table, thresholds, bootstrap):
    rules = {PAPER_RULE: paper_thresholds(table.classes), VALIDATION_RULE: thresholds}
    return [decide(rule, at, table, bootstrap) for rule, at in rules.items() if at is not None]


def _cell_levels(cells, classes, resamples, seed):
    if cells is None:
        return
    yield measure(CELL_BAG, classes, cells.y_true, cells.y_pool, cells.patient,
                  resampling(cells.patient, resamples, seed))
    known = cells.y_cell != UNKNOWN
    if known.any():
        truth = (cells.y_cell[known, None] == np.arange(len(classes))).astype(np.int64)
        patient = cells.patient[known]
        yield measure(CELL_OWN, classes, truth, cells.y_pool[known], patient, resampling(patient, resamples, seed))
