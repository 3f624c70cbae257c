"""Scores tables of several classes, of any models: `evaluate.py --predictions`, both readings of a cross-validation."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.columns import TableError, read_columns
from mil_tf.evaluation.fields.level import class_means
from mil_tf.evaluation.fields.names import ACCURACY, CLASS_MEAN, IMAGE, MAP, MEASURES
from mil_tf.evaluation.fields.ranked import mean_ranking
from mil_tf.evaluation.fields.score import FieldScore, score_fields
from mil_tf.evaluation.fields.tables import TRUTH, read_fields
from mil_tf.evaluation.fields.text import fields_text
from mil_tf.evaluation.grouping import folds_of, group_files
from mil_tf.evaluation.readings import across
from mil_tf.evaluation.results import write_csv, write_json

NAME = "predictions-scored"
COLUMNS = ("group", "reading", "model", "metric", "value", "low", "high", "k", "n", "models", "rows", "wells", "note")


class ClassGroup(NamedTuple):
    """Models of one cross-validation: `tables` are their Fields of the same rows, `per_fold` maps a measure to Across,
    `ensemble` is the FieldScore of their mean probabilities.
    """

    name: str
    tables: list
    per_fold: dict
    ensemble: FieldScore


def of_classes(words):
    """Whether the first file that the user named is a table of several classes."""
    path = next(iter(group_files(words).values()))[0]
    try:
        columns = read_columns(Path(path), required=())
    except TableError:
        return False  # what is wrong with it is said where tables of one class are read
    return "y_true" not in columns and any(name.startswith(TRUTH) for name in columns)


def score_class_files(words, out=None, resamples=2000, seed=0, show=print):
    """Score files of predictions of several classes and show both readings of each group.

    Args:
        words: what the user typed after --predictions.
        out: folder for predictions-scored.csv and .json, or None.
        resamples, seed: of the bootstrap by patient.
        show: called with each piece of text.

    Returns:
        list of ClassGroup.

    Raises:
        TableError: what is wrong, in one line.
    """
    groups = [_score(name, paths, resamples, seed) for name, paths in group_files(words).items()]
    for group in groups:
        show(group_text(group) + "\n")
    if out is not None:
        show(f"written: {_write(Path(out), groups, resamples, seed)}")
    return groups


def group_text(group):
    """Both readings of a group, a line a number."""
    lines = [f"{group.name}: {len(group.tables)} table{'s' if len(group.tables) > 1 else ''}", "  per fold"]
    for key, found in group.per_fold.items():
        values = " ".join(f"{value:.3f}" for value in found.values)
        lines.append(f"    {MEASURES[key]:24s}{values}  mean {found}")
    lines.append(f"  ensemble, mean probability: {group.ensemble.sample}")
    return "\n".join([*lines, *(f"  {line}" for line in fields_text([group.ensemble]).splitlines()[1:])])


def model_values(table):
    """{accuracy, class-mean accuracy, mean average precision: float} of one model, NaN where undefined."""
    single, weights = table.y_true.sum(axis=1) == 1, np.ones((1, len(table.id)))
    label, called = table.y_true[single].argmax(axis=1), table.y_prob[single].argmax(axis=1)
    known = single.any()
    return {ACCURACY: float(np.mean(label == called)) if known else float("nan"),
            CLASS_MEAN: float(class_means(label, called, len(table.classes))(weights[:, single])[0]),
            MAP: mean_ranking(table.y_true, table.y_prob)[0]}


def mean_of(tables):
    """Fields of the mean probabilities of several models, whose tables are of the same rows in any order.

    Raises:
        TableError: at the first row that is missing, unknown, or of other classes or another well.
    """
    tables = [_like(tables[0], table) for table in tables]
    pooled = None if any(table.y_pool is None for table in tables) else np.mean([one.y_pool for one in tables], axis=0)
    return replace(tables[0], y_prob=np.mean([table.y_prob for table in tables], axis=0), y_pool=pooled)


def _score(name, paths, resamples, seed):
    first = read_fields(paths[0], need_patient=False)
    tables = [first, *(read_fields(path, first.classes, need_patient=False) for path in paths[1:])]
    together = score_fields(name, mean_of(tables), None, None, resamples, seed)
    values = [model_values(table) for table in tables]
    folds = folds_of(paths) or range(len(paths))
    per_fold = {key: across([value[key] for value in values], folds) for key in values[0]}
    return ClassGroup(name, tables, per_fold, together)


def _like(first, table):
    order, known = np.argsort(table.id), np.argsort(first.id)
    odd = np.setxor1d(table.id, first.id)
    if len(odd):
        raise TableError(f"{table.path}: expected the images of {first.path}; {odd[0]} is in one of the two only.")
    rows = np.empty(len(order), dtype=np.int64)
    rows[known] = order
    for name in ("y_true", "patient"):
        wrong = getattr(table, name)[rows] != getattr(first, name)
        wrong = wrong.any(axis=1) if wrong.ndim > 1 else wrong
        if wrong.any():
            raise TableError(f"{table.path}: expected image {first.id[wrong][0]} with the same {name} as in "
                             f"{first.path}, received another.")
    return replace(table, **{name: getattr(table, name)[rows] for name in
                             ("id", "patient", "replicate", "treatment", "y_true", "y_prob", "y_pool")
                             if getattr(table, name) is not None})


def _write(folder, groups, resamples, seed):
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / f"{NAME}.csv", COLUMNS, [row for group in groups for row in _rows(group)])
    write_json(folder / f"{NAME}.json", {
        "bootstrap": {"resamples": resamples, "seed": seed, "by": "patient"},
        "groups": {group.name: {"files": [str(table.path) for table in group.tables],
                                "ensemble": group.ensemble.numbers()} for group in groups}})
    return folder


def _rows(group):
    """A row a number: of each model, of their mean, and of the ensemble."""
    level, models = group.ensemble.levels[IMAGE], len(group.tables)
    after = models, level.rows, level.patients
    for table in group.tables:
        for metric, value in model_values(table).items():
            yield (group.name, "model", str(table.path), metric, value, *[None] * 4, *after, "")
    for metric, found in group.per_fold.items():
        yield (group.name, "per fold", "", metric, *found[1:4], None, None, *after, found.note)
    for metric, each, _, e, *sizes in group.ensemble.rows():
        yield (group.name, "ensemble, mean probability", "", f"{metric}_{each}" if each else metric, *e[:5], models,
               *sizes, e.note)
