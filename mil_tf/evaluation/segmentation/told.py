"""Table 1 of parida2021 in a terminal and as a section of a page."""

from html import escape

import numpy as np

from mil_tf.evaluation.page import figure, row, table, unsigned_zero
from mil_tf.evaluation.segmentation.cases import METRICS
from mil_tf.evaluation.segmentation.counts import ANY, MODELS

HEADING = "Where the blood is: masks before and after recursion"
NAMES = {"dice": "Dice", "iou": "IoU", "precision": "precision", "recall": "recall"}
UNITS = {"patient": "A case is a patient, whose slices' counts are summed.", "slice": "A case is a slice."}
NOTE = ("Mean (median) ± standard deviation over cases; pixels of blood. Of a case with neither true nor predicted "
        "blood no metric is defined; without true blood recall is not, without predicted blood precision is not, and a "
        "false alarm has a Dice of 0. What is not defined is left out of its mean. The change of the mean is that of "
        "cases in which both are defined, with its 95 % interval by a bootstrap of patients; p is that of Wilcoxon's "
        "signed-rank test over patients.")
UP, DOWN, SAME = "▲", "▼", "="


def segmentation_lines(scores):
    """Lines of a terminal."""
    yield f"  masks against truth, mean (median) ± std. {UNITS[scores.unit]}"
    for part in scores.parts:
        yield f"  {part_told(part.cases)}"
        for name, cells in [("", NAMES.values()), *_lines(part)]:
            yield f"    {name:14s}" + " ".join(f"{each:32s}" for each in cells).rstrip()


def segmentation_part(scores, boxes=None):
    """Pieces of HTML of a page.

    Args:
        scores: Scores.
        boxes: the <svg> of the box plots, or None.
    """
    rows = []
    for part in scores.parts:
        rows.append(f'<tr class="part"><th colspan="{len(NAMES) + 1}">{escape(part_told(part.cases))}</th></tr>')
        rows += [row(name, [f"<td>{escape(each)}</td>" for each in cells]) for name, cells in _lines(part)]
    return [f"<h2>{HEADING}</h2>", table(UNITS[scores.unit], NAMES.values(), rows, "numbers many", ""),
            f'<p class="soft">{escape(NOTE)}</p>', *([figure(boxes, "A point is a case.")] if boxes else [])]


def part_told(cases):
    """Data set, type and cases in words, with how many have no such blood."""
    n, healthy, alarms = len(cases.id), cases.healthy, (cases.called & cases.healthy).sum(axis=1)
    missed = (~cases.called & ~healthy).sum(axis=1)
    kind = "" if cases.type == ANY else f", {cases.type}"
    told = f"{cases.data_set}{kind}: {n} cases"
    if healthy.any():
        told += f"; {healthy.sum()} without true blood, with false alarms in {alarms[0]} before and {alarms[1]} after"
    if missed.any():
        told += f"; nothing found in {missed[0]} before and {missed[1]} after of those with it"
    return told


def _lines(part):
    """(name, a text a metric) of a data set and type."""
    for model in MODELS:
        yield model, [summary_told(part.summaries[model][metric], len(part.cases.id)) for metric in METRICS]
    changes = [part.changes[metric] for metric in METRICS]
    yield "median change", [median_told(one) for one in changes]
    yield "mean change", [interval_told(one) for one in changes]
    yield "paired test", [rank_told(one) for one in changes]


def summary_told(one, cases):
    """0.406 (0.424) ± 0.127, and of how many cases where it is not all."""
    if not one.n:
        return "undefined"
    spread = "" if np.isnan(one.std) else f" ± {one.std:.3f}"
    return f"{one.mean.value:.3f} ({one.median:.3f}){spread}" + ("" if one.n == cases else f", n = {one.n}")


def median_told(one):
    """▲ 0.192, as the paper has it."""
    if np.isnan(one.median):
        return "undefined"
    sign = SAME if abs(one.median) < 5e-4 else UP if one.median > 0 else DOWN
    return f"{sign} {abs(one.median):.3f}"


def interval_told(one):
    """+0.03 [0.01, 0.05]."""
    if np.isnan(one.mean.value):
        return "undefined"
    if np.isnan(one.mean.low):
        return unsigned_zero(f"{one.mean.value:+.3f}")
    return unsigned_zero(f"{one.mean.value:+.3f} [{one.mean.low:+.3f}, {one.mean.high:+.3f}]")


def rank_told(one):
    """p of Wilcoxon's test."""
    return one.note if np.isnan(one.p) else "p < 0.0001" if one.p < 1e-4 else f"p = {one.p:.4f}"
