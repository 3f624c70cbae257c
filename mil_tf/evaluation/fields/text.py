"""The numbers of runs on fields as plain text for a terminal."""

from mil_tf.evaluation.fields.cells_found import NAMES
from mil_tf.evaluation.fields.names import (
    ACCURACY,
    CELL_BAG,
    CELL_OWN,
    CLASS_MEAN,
    IMAGE,
    LEVELS,
    MAP,
    MEASURES,
    RATES,
    TREATMENT,
    UNITS,
)

SHOWN = (ACCURACY, CLASS_MEAN, MAP)
SUMMARY = {"accuracy": (IMAGE, ACCURACY), "class-mean accuracy": (IMAGE, CLASS_MEAN), "mAP": (IMAGE, MAP),
           "treatment accuracy": (TREATMENT, ACCURACY), "cells, bag label": (CELL_BAG, ACCURACY),
           "cells, own label": (CELL_OWN, ACCURACY)}


def fields_text(scores):
    """The numbers of the cohorts, a line a metric."""
    return "\n".join(line for score in scores for line in _score_lines(score))


def fields_summary(results):
    """One line a run: `results` lists (name of the run, FieldScore)."""
    width = max(len("run"), *(len(name) for name, _ in results))
    shown = {head: key for head, key in SUMMARY.items() if any(key[0] in score.levels for _, score in results)}
    lines = [f"{'run':{width}s}  {'images':>6s}  " + _cells(shown)]
    for name, score in results:
        found = [score.levels[level].estimates[key] if level in score.levels else "-" for level, key in shown.values()]
        lines.append(f"{name:{width}s}  {score.counts['images']:6d}  " + _cells(found))
    return "\n".join(lines)


def without_looking(level):
    """What no look at a row would score, in words."""
    return (f"commonest class {level.commonest:.3f}, a guess {1 / len(level.classes):.3f}; mean average precision by "
            f"chance {level.prevalence:.3f}")


def ranked_told(level):
    """How many classes the mean average precision is of, and which are left out."""
    left = ", ".join(f"{name} ({why})" for name, why in level.ranked.left_out.items())
    return f"{level.ranked.used} of {len(level.classes)} classes" + (f"; left out: {left}" if left else "")


def rows_told(level):
    """How many rows a level has, and of how many its accuracy is, in words."""
    unit = UNITS[level.name]
    of = "" if level.patients == level.rows or unit == "treatments" else f" of {level.patients:,} wells"
    single = "" if level.single == level.rows else f", {level.single:,} with exactly one class"
    return f"{level.rows:,} {unit}{of}{single}"


def _score_lines(score):
    yield f"{score.name}: {score.sample}"
    yield from (f"  note: {note}" for note in score.notes)
    for name, level in score.levels.items():
        yield f"  {LEVELS[name]}: {rows_told(level)}"
        for key in SHOWN:
            one = level.estimates[key]
            counts = "" if one.n is None else f"  {one.k}/{one.n}"
            yield f"    {MEASURES[key]:24s}{one}{counts}" + (f"  ({ranked_told(level)})" if key == MAP else "")
        yield f"    without looking: {without_looking(level)}"
    for decided in score.decisions:
        yield f"  decisions {decided.rule}"
        for how in ("macro", "micro"):
            yield f"    {how}  " + "  ".join(f"{RATES[rate]} {decided.average[how, rate]}" for rate in RATES)
    error = score.calibration
    yield f"  expected calibration error {error.error}, by chance alone {error.chance:.3f}"
    if score.cells_found is not None:
        yield f"  cells found by Jacobian maps: {score.cells_found.sample}"
        width = max(len(NAMES[name]) for name in score.cells_found.estimates)
        for name, one in score.cells_found.estimates.items():
            yield f"    {NAMES[name]:{width}s}  {one}" + ("" if one.k is None else f"  {one.k}/{one.n}")


def _cells(values):
    return "  ".join(f"{value!s:20s}" for value in values).rstrip()
