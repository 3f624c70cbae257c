"""Writes a grid's numbers for other programs: one CSV a question."""

import numpy as np

from mil_tf.evaluation.gallery import Gallery
from mil_tf.evaluation.gallery_views import GALLERY_COLUMNS, gallery_rows
from mil_tf.evaluation.grid_curves import precision_on
from mil_tf.evaluation.grid_report import summary_lines
from mil_tf.evaluation.results import write_csv

PER_FOLD, ENSEMBLE = "per fold", "ensemble"


def write_grid_results(folder, study, gallery):
    """Write all tables of a Study into a folder, and answer.txt.

    Args:
        folder: it exists.
        study: a Study.
        gallery: a Gallery, or the text why there is none.
    """
    write_sizes(folder, study)
    write_csv(folder / "precision_recall.csv", ("bags", "recall", "mean", "low", "high", "ensemble"), _recalls(study))
    write_csv(folder / "confusion.csv", ("bags", "rule", "reading", "tn", "fp", "fn", "tp"), _confusions(study))
    if isinstance(gallery, Gallery):
        write_csv(folder / "gallery.csv", GALLERY_COLUMNS, gallery_rows(gallery))
    (folder / "answer.txt").write_text("\n".join(summary_lines(study)) + "\n", encoding="utf-8")


def write_sizes(folder, study):
    """Write the tables of metrics against the number of bags: models, sizes, shortfalls, learning_curve and laws."""
    write_csv(folder / "models.csv", ("bags", "fold", "seed", "metric", "rule", "value"), _models(study))
    write_csv(folder / "sizes.csv", ("bags", "metric", "rule", "reading", "value", "low", "high", "models", "folds",
                                     "note"), _sizes(study))
    write_csv(folder / "shortfalls.csv", ("bags", "metric", "rule", "reading", "value", "low", "high", "verdict",
                                          "note"), _shortfalls(study))
    write_csv(folder / "learning_curve.csv", ("metric", "rule", "bags", "value", "folds_low", "folds_high",
                                              "patients_low", "patients_high"), _curves(study))
    write_csv(folder / "laws.csv", ("metric", "rule", "limit", "drop", "rate", "origin", "gain_of_doubling", "low",
                                    "high", "misfit_p", "note"), _laws(study))


def _models(study):
    return [[member.bags, member.fold, member.seed, *key, value] for size in study.sizes
            for key, found in size.per_fold.items() for member, value in zip(size.members, found.values)]


def _sizes(study):
    for size in study.sizes:
        counts = len(size.members), len(set(size.folds))
        for key, found in size.per_fold.items():
            yield [size.bags, *key, PER_FOLD, found.mean, found.low, found.high, *counts, found.note]
            one = size.together[key]
            yield [size.bags, *key, ENSEMBLE, one.value, one.low, one.high, *counts, one.note]


def _shortfalls(study):
    for key, found in study.enough.items():
        for one in found.compared:
            across = one.shortfall
            yield [one.bags, *key, PER_FOLD, across.mean, across.low, across.high, one.verdict, across.note]
    for (bags, metric), one in study.ensemble_shortfalls.items():
        if bags != study.largest.bags:
            yield [bags, metric, "", ENSEMBLE, one.value, one.low, one.high, "", one.note]


def _curves(study):
    for key, curve in study.curves.items():
        if isinstance(curve, str):
            continue
        nothing = np.full((2, len(curve.bags)), np.nan)
        bands = [*(curve.folds or nothing), *(curve.patients or nothing)]
        yield from ([*key, *point] for point in zip(curve.bags.round(1), curve.value, *bands))


def _laws(study):
    for key, curve in study.curves.items():
        if isinstance(curve, str):
            yield [*key, *[None] * 8, curve]
        else:
            yield [*key, curve.limit, curve.drop, curve.rate, curve.origin, *curve.doubled, curve.misfit, ""]


def _recalls(study):
    for size in study.sizes:
        found = precision_on(size)
        if found is not None:
            together = np.full(len(found.recall), np.nan) if found.ensemble is None else found.ensemble
            lines = zip(found.recall, found.mean, found.low, found.high, together)
            yield from ([size.bags, *line] for line in lines)


def _confusions(study):
    for size in study.sizes:
        for rule, counts in size.mean_counts.items():
            yield [size.bags, rule, PER_FOLD, *counts]
            if rule in size.ensembles:
                yield [size.bags, rule, ENSEMBLE, *size.ensembles[rule].confusion]
