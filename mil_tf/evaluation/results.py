"""Writes the numbers for other programs: metrics.json, metrics.csv, and summary.csv over several runs."""

import csv
import json

import numpy as np

from mil_tf.evaluation.fields.score import FieldScore
from mil_tf.evaluation.segmentation.run import MaskScore

METRIC_COLUMNS = ("cohort", "metric", "threshold", "value", "low", "high", "k", "n", "bags", "patients",
                  "positives", "note")


def write_metrics(folder, scores, threshold, resamples, seed):
    """Write metrics.json (nested, undefined = null with a note) and metrics.csv (a row a number)."""
    numbers = {"validation_threshold": threshold,
               "bootstrap": {"resamples": resamples, "seed": seed, "by": "patient"},
               "cohorts": {score.name: score.numbers() for score in scores}}
    write_json(folder / "metrics.json", numbers)
    rows = [[score.name, metric, at, e.value, e.low, e.high, e.k, e.n, *score.counts_of(metric).values(), e.note]
            for score in scores for metric, at, e in score.rows()]
    write_csv(folder / "metrics.csv", METRIC_COLUMNS, rows)


def write_summary(path, results):
    """Write one row a run; `results` lists (name of the run, score)."""
    rows = [_summary_row(name, score) for name, score in results]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    write_csv(path, columns, [[row.get(column) for column in columns] for row in rows])


def _summary_row(name, score):
    if isinstance(score, (FieldScore, MaskScore)):
        return {"run": name, "cohort": score.name, **score.summary()}
    row = {"run": name, "cohort": score.name, **score.counts}
    for metric, threshold, estimate in score.rows():
        rule = "" if threshold is None else _rule(score, threshold)
        row.update({metric + rule: estimate.value, f"{metric}{rule}_low": estimate.low,
                    f"{metric}{rule}_high": estimate.high})
    if score.positions:
        row.update({f"points_{name}": count for name, count in score.positions.counts.items()})
    return row


def _rule(score, threshold):
    return "_at_0.5" if threshold == score.decisions[0].threshold else "_at_validation_threshold"


def write_json(path, numbers):
    """Write plain values as JSON, which has no NaN."""
    path.write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_csv(path, columns, rows):
    """Write a CSV; what is None or NaN is left empty."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if _is_empty(value) else value for value in row] for row in rows])


def _is_empty(value):
    return value is None or (isinstance(value, float) and np.isnan(value))
