"""Evaluates a run of parida2021: reads its tables of pixels, writes `evaluation/` and the report."""

import json
import re
import shlex
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.segmentation.counts import ANY, MODELS
from mil_tf.evaluation.segmentation.scores import Scores, score_segmentations
from mil_tf.evaluation.segmentation.tables import read_rows
from mil_tf.evaluation.segmentation.told import segmentation_lines

MASKS = "masks"
TABLE = re.compile(r"segments-(.+)-before\.csv")
OWN = "test"
LEFT = "validation"  # seen while the network was chosen, or the slices that it learned from: no cohort of Table 1
CAPTION = ("Outlines of truth, before and after recursion; of slices with blood, by the change of Dice: those that "
           "gained most, those in the middle, those that lost most.")
RECURSIONS = ("images", "segmented", "newly_segmented", "healthy", "kept_their_target", "validation_dice", "ended")


class MaskScore(NamedTuple):
    """Table 1 of a run over its cohorts; `name` is the cohort that was asked for."""

    name: str
    scores: Scores

    def summary(self):
        """{column: number} of each data set's blood of any type, for a table over runs."""
        found = {}
        for part in self.scores.parts:
            if part.cases.type != ANY:
                continue
            for model in MODELS:
                found[f"{part.cases.data_set}_dice_{model}"] = part.summaries[model]["dice"].mean.value
            found[f"{part.cases.data_set}_dice_change"] = part.changes["dice"].mean.value
        return found


def is_segmentation(config):
    """Whether a run's config.json says that it answers in masks."""
    return config.get("answers") == MASKS


def evaluate_segmentation(run, folder, page, config, cohort, resamples=2000, seed=0):
    """Score a run's masks on all cohorts that it was run on, write tables and figures into a folder, and its page.

    Args:
        run: run folder, a Path.
        folder: made where it is not there.
        page: path of the page.
        config: the run's config.json.
        cohort: the one that was asked for, whose tables must be there.
        resamples, seed: of the bootstrap by patient.

    Returns:
        [MaskScore].

    Raises:
        TableError: a table of the run is missing or broken.
    """
    names = cohorts(run, cohort)
    rows = [row for name in names for model in MODELS for row in read_rows(run / f"segments-{name}-{model}.csv")]
    if not rows:
        raise TableError(f"{run}: Expected slices in segments-{cohort}-before.csv. Received: none.")
    try:
        scores = score_segmentations(rows, resamples=resamples, seed=seed)
    except ValueError as error:
        raise TableError(f"{run}: {error}") from error
    _write_page(run, page, folder, names, scores, config)
    return [MaskScore(cohort, scores)]


def cohorts(run, asked):
    """Names of the cohorts of a run that Table 1 has: its own test slices, then the others by name.

    Raises TableError where the one that is asked for is not among them.
    """
    found = {match[1] for path in run.glob("segments-*-before.csv") if (match := TABLE.fullmatch(path.name))}
    if asked not in found:
        raise TableError(f"{run}: Expected segments-{asked}-before.csv. Received: none; train.py writes it for test, "
                         "evaluate.py --on DIR --name X for others.")
    return sorted(found - {LEFT}, key=lambda name: (name != OWN, name))


def masks_text(scores):
    """Table 1 for a terminal."""
    return "\n".join(segmentation_lines(scores[-1].scores))


def masks_summary(results):
    """One line a run: `results` lists (name of the run, MaskScore)."""
    return "\n".join(f"{name}  " + "  ".join(f"{column} {value:.3f}" for column, value in score.summary().items())
                     for name, score in results)


def recursions(run):
    """What the record.json of every recursion of a run holds, in order."""
    paths = sorted(run.glob("recursion-*/record.json"), key=lambda path: int(path.parent.name.rpartition("-")[2]))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _write_page(run, page, folder, names, scores, config):
    # Here and not above: matplotlib is slow to load, and of no use to a table that turns out to be broken.
    from mil_tf.evaluation.page import write_page
    from mil_tf.evaluation.segmentation.writing import write
    from mil_tf.evaluation.settings import settings_part

    parts = write(folder, scores)
    drawn = [piece for name in names for piece in _overlays(run, folder, name)]
    title = " ".join([str(config.get("recipe", "run")), *page.resolve().parent.parts[-3:]])
    command = shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])
    write_page(page, title, [f"<h1>{escape(title)}</h1>", *parts, *drawn, *_told(run), "<h2>What made this run</h2>",
                             settings_part(config), "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>"])


def _overlays(run, folder, name):
    """Pieces of the page with a cohort's overlays, which are written too; [] where there are none."""
    from mil_tf.evaluation.figures import draw, inline_svg
    from mil_tf.evaluation.page import figure
    from mil_tf.evaluation.segmentation.figures import overlay_figure, save

    path = run / f"overlays-{name}.npz"
    if not path.exists():
        return []
    with np.load(path) as kept:
        shown = {key: kept[key] for key in kept.files}
    slices = list(shown["slices"].astype(np.float32))
    masks = [list(shown[key]) for key in ("truth", *MODELS)]
    pixels = None if (shown["pixels"] == 1).all() else shown["pixels"].tolist()
    drawn = draw(lambda: overlay_figure(slices, *masks, shown["ids"].tolist(), pixels=pixels))
    save(drawn, folder, f"overlays-{name}")
    return [f"<h3>{escape(name)}</h3>", figure(inline_svg(drawn, f"overlays-{name}"), CAPTION)]


def _told(run):
    """The table of the recursions."""
    from mil_tf.evaluation.page import row, table

    records = recursions(run)
    if not records:
        return []
    rows = [row(f"{one['recursion']}" if one["recursion"] else "stage 2", [_cell(one.get(key)) for key in RECURSIONS])
            for one in records]
    heads = [key.replace("_", " ") for key in RECURSIONS]
    caption = "The image-level set after each; the masks after one are what the next learns."
    return ["<h2>Recursions</h2>", table(caption, heads, rows, "numbers many", "recursion")]


def _cell(value):
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return f"<td>{escape(text)}</td>"
