"""Tables of segmentation: counts of slices in and out, the metrics of cases, and Table 1 of parida2021."""

import csv

import numpy as np

from mil_tf.evaluation.columns import read_columns, refuse, whole_numbers
from mil_tf.evaluation.segmentation.cases import METRICS
from mil_tf.evaluation.segmentation.counts import MODELS, Row

COUNTS, CASES, SCORES = "segmentation-counts.csv", "segmentation-cases.csv", "segmentation.csv"
NUMBERS = ("tp", "fp", "fn")


def write_rows(path, rows):
    """Writes a list of Row, a line each."""
    _write(path, Row._fields, rows)


def read_rows(path):
    """The list of Row that a table has.

    Raises:
        mil_tf.evaluation.columns.TableError: a column is missing, or a count is not a whole number of 0 or above.
    """
    columns = read_columns(path, Row._fields)
    numbers = {name: whole_numbers(path, name, columns[name]) for name in NUMBERS}
    for name, values in numbers.items():
        refuse(path, name, columns[name], values < 0, "a count of 0 or above")
    told = [columns[name] if name not in numbers else numbers[name].tolist() for name in Row._fields]
    return [Row(*each) for each in zip(*told)]


def write_cases(path, scores):
    """Writes the metrics of every case, a line a case and model; empty where undefined."""
    lines = []
    for part in scores.parts:
        cases = part.cases
        for model, counts, values in zip(MODELS, cases.counts, cases.values):
            lines += [(cases.data_set, cases.type, model, id, patient, *count.tolist(), *map(_number, value))
                      for id, patient, count, value in zip(cases.id, cases.patient, counts, values.T)]
    _write(path, ("data_set", "type", "model", "case", "patient", *NUMBERS, *METRICS), lines)


def write_scores(path, scores):
    """Writes Table 1: a line a data set, type, metric, and model or their change."""
    lines = []
    for part in scores.parts:
        of = part.cases.data_set, part.cases.type, scores.unit
        for metric in METRICS:
            lines += [(*of, metric, model, *_summarised(part.summaries[model][metric])) for model in MODELS]
            lines.append((*of, metric, "change", *_changed(part.changes[metric])))
    _write(path, ("data_set", "type", "unit", "metric", "model", "mean", "low", "high", "median", "std", "variance",
                  "cases", "p_wilcoxon", "p_bootstrap", "note"), lines)


def _summarised(one):
    numbers = (one.mean.value, one.mean.low, one.mean.high, one.median, one.std, one.std**2)
    return (*map(_number, numbers), one.n, "", "", one.mean.note)


def _changed(one):
    numbers = (one.mean.value, one.mean.low, one.mean.high, one.median)
    return (*map(_number, numbers), "", "", one.n, *map(_number, (one.p, one.mean.p)), one.note or one.mean.note)


def _number(value):
    return "" if np.isnan(value) else f"{value:.6g}"


def _write(path, columns, lines):
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(lines)
