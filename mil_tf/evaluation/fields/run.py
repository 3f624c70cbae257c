"""Evaluates a run on fields: reads its tables, writes `evaluation/` and the report."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.fields.cells_found import read_found
from mil_tf.evaluation.fields.decided import validation_thresholds
from mil_tf.evaluation.fields.results import write_drawn, write_metrics
from mil_tf.evaluation.fields.score import score_fields
from mil_tf.evaluation.fields.tables import read_cells, read_fields
from mil_tf.sources import FIELDS

POOLING = "pooling.json"


def is_fields(config):
    """Whether a run's config.json says that its bags are fields."""
    return (config.get("preprocessing") or {}).get("kind") == FIELDS


def evaluate_fields(run, folder, page, config, history, cohort, resamples=2000, seed=0):
    """Score a run on fields, write its tables and figures into a folder, and its page.

    Args:
        run: run folder, a Path.
        folder: made where it is not there.
        page: path of the page.
        config: the run's config.json.
        history: columns of history.csv, {} where there is none.
        cohort: the table that answers, `predictions-<cohort>.csv`; validation is scored beside it.
        resamples, seed: of the bootstrap by well.

    Returns:
        [FieldScore of validation, FieldScore of cohort].

    Raises:
        TableError: if a table of the run is missing or broken.
    """
    classes, single = config.get("classes"), config.get("single_label")
    tables = {name: read_fields(run / f"predictions-{name}.csv", classes, bool(single))
              for name in ("validation", cohort)}
    if single is None:
        single = all((table.y_true.sum(axis=1) == 1).all() for table in tables.values())
    thresholds = None if single else validation_thresholds(tables["validation"])
    scores = [score_fields(name, table, _cells(run, name, table), None if name == "validation" else thresholds,
                           resamples, seed, bool(single)) for name, table in tables.items()]
    scores = [replace(score, cells_found=read_found(run, score.name, score.predictions.classes, resamples, seed))
              for score in scores]
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder, scores, thresholds, resamples, seed)
    write_drawn(folder, scores)
    _write_page(page, folder, scores, history, config)
    return scores


def read_pooling(run):
    """What pooling.json of a run holds, None where there is none. Raises TableError where it cannot be read."""
    path = run / POOLING
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except ValueError as error:
        raise TableError(f"{path} cannot be read as JSON ({error}); restore the file.") from None


def _cells(run, name, table):
    path = run / f"cells-{name}.csv"
    return read_cells(path, table) if path.exists() else None


def _write_page(page, folder, scores, history, config):
    # Here and not above: matplotlib is slow to load, and of no use to a table that turns out to be broken.
    from mil_tf.evaluation.fields.figures import draw_all
    from mil_tf.evaluation.fields.report import write_report
    from mil_tf.evaluation.figures import inline_svg, save

    drawn = draw_all(scores, history, read_pooling(page.parent))
    for name, figure in drawn.items():
        save(figure, folder, name)
    title = " ".join([str(config.get("recipe", "run")), *page.resolve().parent.parts[-3:]])
    command = shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])
    embedded = {name: inline_svg(figure, name) for name, figure in drawn.items()}
    write_report(page, title, scores, embedded, config, command)
