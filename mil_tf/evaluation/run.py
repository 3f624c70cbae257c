"""Evaluates run folders: reads their tables, writes `evaluation/` and `report.html`, says what came out."""

import csv
import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np

from mil_tf.evaluation.cohort import score_cohort
from mil_tf.evaluation.drawn import write_drawn
from mil_tf.evaluation.enough import MARGIN
from mil_tf.evaluation.fields.run import evaluate_fields, is_fields
from mil_tf.evaluation.fields.score import FieldScore
from mil_tf.evaluation.fields.text import fields_summary, fields_text
from mil_tf.evaluation.making import progress
from mil_tf.evaluation.metrics import MetricUndefined
from mil_tf.evaluation.pixel_run import mapped_slides, run_pixels, write_parts
from mil_tf.evaluation.pixels import Pixels
from mil_tf.evaluation.positions import score_positions
from mil_tf.evaluation.results import write_metrics, write_summary
from mil_tf.evaluation.segmentation.run import (
    MaskScore,
    evaluate_segmentation,
    is_segmentation,
    masks_summary,
    masks_text,
)
from mil_tf.evaluation.several import evaluate_runs
from mil_tf.evaluation.tables import read_instances, read_predictions
from mil_tf.evaluation.text import score_text, summary_text
from mil_tf.evaluation.threshold import choose_threshold
from mil_tf.evaluation.trivial import NotComputed, trivial_scores
from mil_tf.localization.tables import read_located
from mil_tf.nouns import SCANS, nouns_of

RESERVED = ("validation", "test")
MARKS = ("predictions-validation.csv", "predictions-test.csv", "config.json")


class RunError(ValueError):
    """A folder or argument that cannot be evaluated; the message is one line."""


def evaluate(folder, on=None, name=None, resamples=2000, seed=0, show=print, margin=MARGIN, workers=None):
    """Evaluate the run in `folder`, or every run below it and the grids that they make, and show what came out.

    Args:
        folder: a run, or a folder with runs below it; then summary.csv over them is written into it, and of a grid
            the page of how many bags are enough.
        on, name: another data set's folder and the name of its tables; every run predicts it first.
        resamples, seed: of the bootstrap by patient.
        show: called with each piece of text.
        margin: shortfall of a grid's largest size that would not matter.
        workers: processes that evaluate runs; None is one a core.

    Raises:
        RunError, TableError: what is wrong, in one line.
    """
    _check_name(on, name)
    runs, partial = find_runs(folder)
    for run in runs if on is not None else ():
        _predict(run, on, name)
    results = []
    evaluated = evaluate_runs(evaluate_run, runs, name or "test", resamples, seed, on, workers, show)
    for run, (scores, page) in zip(runs, evaluated):
        results.append((run, scores[-1]))
        show(f"{run}\n{_told(scores)}\nreport: {page}")
    for run in partial:
        show(f"{run}\nleft out: its training has not finished ({_status(run)})")
    if len(results) > 1:
        table = Path(folder) / f"summary{_suffix(name or 'test')}.csv"
        named = [(run.relative_to(folder).as_posix(), score) for run, score in results]
        write_summary(table, named)
        show(f"\n{_summary_told(named)}\nsummary: {table}")
        _evaluate_grids(folder, results, partial, name or "test", on, resamples, seed, margin, show)


def _told(scores):
    told = {FieldScore: fields_text, MaskScore: masks_text}
    return told.get(type(scores[-1]), score_text)(scores)


def _summary_told(named):
    """A line a run; runs on fields and those that answer in masks, of other numbers, are tables of their own."""
    fields, masks = ([one for one in named if isinstance(one[1], kind)] for kind in (FieldScore, MaskScore))
    others = [one for one in named if one not in fields + masks]
    tables = (summary_text, others), (fields_summary, fields), (masks_summary, masks)
    return "\n\n".join(told(some) for told, some in tables if some)


def _evaluate_grids(folder, results, partial, *how):
    from mil_tf.evaluation.grid_run import evaluate_grids

    finished = [(run, _read_config(run / "config.json"), score) for run, score in results
                if not isinstance(score, MaskScore)]
    unfinished = [(run, _read_config(run / "config.json"), _status(run)) for run in partial]
    evaluate_grids(folder, finished, unfinished, *how)


def _status(run):
    why = progress(run).get("failed")
    return f"failed: {why}" if why else "begun, not finished"


def find_runs(folder):
    """Runs at or below a folder, sorted: (those whose validation and test are predicted, the others).

    Raises:
        RunError: if none is finished.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError("Expected a run folder such as runs/remedios2020/bags-400/fold-0/seed-0. "
                       f"Received: {folder}, which is no folder.")
    validation, test, begun = ({path.parent for path in folder.rglob(name)} for name in MARKS)
    finished = sorted(validation & test)
    begun = {run for run in begun if not set(finished) & {run, *run.parents}}
    partial = sorted((validation ^ test) | begun)
    if not finished:
        raise RunError(f"{partial[0] if partial else folder} is no finished run: expected "
                       "predictions-validation.csv and predictions-test.csv in it; train.py writes them.")
    return finished, partial


def validation_threshold(run):
    """The threshold that a run's validation table chooses, None where that table has one class only.

    Raises:
        TableError: if the table is missing or broken.
    """
    table = read_predictions(Path(run) / "predictions-validation.csv")
    try:
        return choose_threshold(table.y_true, table.y_prob)
    except MetricUndefined:
        return None


def evaluate_run(run, cohort="test", resamples=2000, seed=0, data=None, show=lambda line: None):
    """Score a run, write its `evaluation/` folder (`evaluation/X/` for another cohort X) and its report.

    Args:
        run: run folder.
        cohort: the table that answers, `predictions-<cohort>.csv`; validation is scored beside it.
        resamples, seed: of the bootstrap by patient.
        data: the cohort's data set, where it is not the run's own; for the trivial baseline and the gallery.
        show: called with a line before work of some length.

    Returns:
        ([score of validation, score of cohort], path of the report); of a run on fields the scores are FieldScores, of
        one that answers in masks there is one, a MaskScore.

    Raises:
        RunError, TableError: if a file of the run is missing or broken.
    """
    run = Path(run)
    history, config = _read_history(run / "history.csv"), _read_config(run / "config.json")
    folder, page = run / "evaluation" / ("" if cohort == "test" else cohort), run / f"report{_suffix(cohort)}.html"
    if is_fields(config):
        return evaluate_fields(run, folder, page, config, history, cohort, resamples, seed), page
    if is_segmentation(config):
        return evaluate_segmentation(run, folder, page, config, cohort, resamples, seed), page
    threshold, folders = validation_threshold(run), {"validation": None, cohort: data}
    scores = [_score(run, name, threshold, resamples, seed, of, show) for name, of in folders.items()]
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder, scores, threshold, resamples, seed)
    write_drawn(folder, scores)
    if isinstance(scores[-1].pixels, Pixels):
        write_parts(folder, scores[-1].pixels)
    _write_page(page, folder, scores, history, config, data)
    return scores, page


def _write_page(page, folder, scores, history, config, data):
    # Here and not above: matplotlib is slow to load, and of no use to a table that turns out to be broken.
    from mil_tf.evaluation import figures, gallery_views, map_figure, map_file, report, results, showing
    from mil_tf.evaluation.map_choice import RULE

    drawn = figures.draw_all(scores, history)
    records = map_file.read(page.parent, scores[-1].name)
    if records:
        drawn[map_figure.NAME] = figures.draw(map_figure.map_figure, records, RULE)
    drawn |= _tumour_maps(page.parent, scores[-1], config, data)
    for name, figure in drawn.items():
        figures.save(figure, folder, name)
    title = " ".join([str(config.get("recipe", "run")), *page.resolve().parent.parts[-3:]])
    embedded = {name: figures.inline_svg(figure, name) for name, figure in drawn.items()}
    command = shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])
    gallery = showing.run_gallery(page.parent, config, scores[-1], data)
    showing.save_gallery(gallery, folder)
    if not isinstance(gallery, str):
        results.write_csv(folder / "gallery.csv", gallery_views.GALLERY_COLUMNS, gallery_views.gallery_rows(gallery))
    report.write_report(page, title, scores, embedded, config, command, [gallery_views.gallery_part(gallery)])


def _tumour_maps(run, score, config, data):
    """{name: Figure} of maps of slides beside their truth, where they were scored."""
    if not isinstance(score.pixels, Pixels):
        return {}
    from mil_tf.evaluation import figures, pixel_figure
    from mil_tf.evaluation.material import find_material

    ids = [slide.id for slide in score.pixels.slides]
    mapped = mapped_slides(run, score.name, ids, find_material(run, config, data))
    return {pixel_figure.NAME: figures.draw(pixel_figure.pixel_figure, pixel_figure.views(score.pixels, mapped),
                                            score.pixels.threshold)}


def _suffix(cohort):
    return "" if cohort == "test" else f"-{cohort}"


def _check_name(on, name):
    if (on is None) != (name is None):
        raise RunError("Expected --on DIR and --name X together. Received only one of them.")
    if name is not None and (name in RESERVED or not re.fullmatch(r"[A-Za-z0-9_-]+", name)):
        raise RunError("Expected --name of letters, digits, - and _, other than validation and test (a run's "
                       f"own). Received: {name!r}")
    if on is not None and not Path(on).is_dir():
        raise RunError(f"Expected --on to be a folder of preprocessed bags. Received: {on}")


def _predict(run, data, name):
    from mil_tf.inference import predict_dataset  # the only step that needs the model, and TensorFlow
    from tfrecords import DatasetError

    try:
        predict_dataset(run, Path(data), name)
    except DatasetError as error:
        raise RunError(str(error)) from error


def _score(run, name, threshold, resamples, seed, data, show):
    predictions = read_predictions(run / f"predictions-{name}.csv")
    table = run / f"instances-{name}.csv"
    instances = read_instances(table, predictions) if table.exists() else None
    positions = _positions(run, name, predictions, resamples, seed)
    config = _read_config(run / "config.json")
    nouns = nouns_of(config)
    trivial = _trivial(run, name, predictions, data, show) if nouns == SCANS else None
    pixels = run_pixels(run, name, predictions.id, config, threshold, resamples, seed, data)
    return score_cohort(name, predictions, instances, threshold, resamples, seed, trivial, positions, pixels, nouns)


def _trivial(run, name, predictions, data, show):
    try:
        return trivial_scores(run, name, predictions.id, data, show)
    except NotComputed as reason:
        return str(reason)


def _positions(run, name, predictions, resamples, seed):
    table = run / f"located-{name}.csv"
    if not table.exists():
        return None
    return score_positions(read_located(table), predictions, _read_config(run / "detector.json"), resamples, seed)


def _read_config(path):
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise RunError(f"{path} cannot be read as JSON ({error}); restore the file.") from None


def _read_history(path):
    """Columns of history.csv as float arrays, NaN where a cell is empty; {} where there is no history."""
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = rows[0] if rows else ()
    try:
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in columns}
    except (ValueError, TypeError):
        raise RunError(f"{path}: expected a number under every column; restore the file.") from None
