"""Writes the numbers of runs on fields for other programs: metrics.json, metrics.csv, and what the figures draw."""

from mil_tf.evaluation.results import write_csv, write_json

COLUMNS = ("cohort", "metric", "class", "threshold", "value", "low", "high", "k", "n", "rows", "wells", "note")


def write_metrics(folder, scores, thresholds, resamples, seed):
    """Write metrics.json (nested, undefined = null with a note) and metrics.csv (a row a number).

    Args:
        folder: it exists.
        scores: a FieldScore a cohort.
        thresholds: {class: threshold} that validation chose, None where nothing is decided by thresholds.
        resamples, seed: of the bootstrap by well.
    """
    write_json(folder / "metrics.json", {
        "validation_thresholds": thresholds, "bootstrap": {"resamples": resamples, "seed": seed, "by": "patient"},
        "cohorts": {score.name: score.numbers() for score in scores}})
    write_csv(folder / "metrics.csv", COLUMNS, [
        [score.name, metric, each, at, e.value, e.low, e.high, e.k, e.n, *sizes, e.note]
        for score in scores for metric, each, at, e, *sizes in score.rows()])


def write_drawn(folder, scores):
    """Write confusion.csv, classes.csv and calibration.csv, which are what the figures of their names draw."""
    levels = [(score.name, level) for score in scores for level in score.levels.values()]
    write_csv(folder / "confusion.csv", ("cohort", "level", "true", "called", "count"), [
        [cohort, level.name, true, called, int(level.confusion[row, column])] for cohort, level in levels
        for row, true in enumerate(level.classes) for column, called in enumerate(level.classes)])
    columns = ("cohort", "level", "class", "metric", "value", "low", "high", "k", "n", "note")
    write_csv(folder / "classes.csv", columns, [
        [cohort, level.name, each, metric, *one] for cohort, level in levels
        for metric, found in level.by_class().items() for each, one in found.items()])
    write_csv(folder / "calibration.csv", ("cohort", "from", "to", "probability", "right", "low", "high", "k", "n"), [
        [score.name, one.low, one.high, one.probability, *one.positive[:5]]
        for score in scores for one in score.calibration.bins])
