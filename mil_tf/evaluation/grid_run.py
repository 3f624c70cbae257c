"""Evaluates the grids below a folder: figures, tables and a page for each, beside the pages of their runs."""

import re
import shlex
import sys
from html import escape
from pathlib import Path

from mil_tf.evaluation.fields.score import FieldScore
from mil_tf.evaluation.fields.study import field_study
from mil_tf.evaluation.grid import find_grids
from mil_tf.evaluation.material import MaterialError, find_material
from mil_tf.evaluation.showing import grid_gallery, save_gallery
from mil_tf.evaluation.study import study


def evaluate_grids(folder, results, unfinished, cohort, data, resamples, seed, margin, show=print):
    """Evaluate every grid among the runs of a folder.

    Args:
        folder: all runs lie below it; the pages are written into it.
        results: (run folder, its config, Score) of every finished run.
        unfinished: (run folder, its config) of the others.
        cohort: name of the tables that answer.
        data: folder of their data set, None where it is the runs' own.
        resamples, seed: of the bootstrap by patient.
        margin: shortfall of the largest size that would not matter.
        show: called with each piece of text.
    """
    grids, strangers = find_grids(results, unfinished)
    for run in strangers:
        show(f"{run}: in no grid; neither its config.json nor its folder tells bags, fold and seed")
    for grid in grids:
        if len(grid.members) > 1:
            of_fields = isinstance(grid.members[0].score, FieldScore)
            found = (field_study if of_fields else study)(grid, cohort, resamples, seed, margin)
            target, page = _places(Path(folder), cohort, "" if len(grids) == 1 else _file_name(grid.label))
            command = shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])
            lines = (_write_fields if of_fields else _write)(target, page, found, data, command)
            show("\n" + "\n".join(lines) + f"\nreport: {page}")


def _places(folder, cohort, name):
    """(folder of a grid's tables and figures, path of its page)."""
    parts = [part for part in (name, "" if cohort == "test" else cohort) if part]
    target = folder.joinpath("evaluation", *parts)
    target.mkdir(parents=True, exist_ok=True)
    return target, folder / ("-".join(["report", *parts]) + ".html")


def _write(target, page, found, data, command):
    """Writes tables, figures and page; returns the answer's lines."""
    # Here and not above: matplotlib is slow to load.
    from mil_tf.evaluation.grid_report import summary_lines, write_grid_report
    from mil_tf.evaluation.grid_results import write_grid_results

    gallery, flow = _material(found, data)
    write_grid_results(target, found, gallery)
    write_grid_report(page, found, _figures(found, gallery, target), gallery, flow, command)
    return summary_lines(found)


def _write_fields(target, page, found, data, command):
    """As _write, of runs on fields, whose page shows no bags: `data` is not needed."""
    from mil_tf.evaluation.fields.grid_report import field_grid_lines, file_name, write_field_grid
    from mil_tf.evaluation.figures import draw, inline_svg, save
    from mil_tf.evaluation.grid_figures import size_figure
    from mil_tf.evaluation.grid_results import write_sizes

    write_sizes(target, found)
    drawn = {file_name(key): draw(size_figure, found, key) for key in found.drawn}
    for name, figure in drawn.items():
        save(figure, target, name)
    write_field_grid(page, found, {name: inline_svg(figure, name) for name, figure in drawn.items()}, command)
    lines = field_grid_lines(found)
    (target / "answer.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines


def _figures(found, gallery, folder):
    """Draws and saves all figures; returns those of the page, name -> <svg> element."""
    from mil_tf.evaluation import grid_figures
    from mil_tf.evaluation.figures import draw, inline_svg, save

    drawn = {name: draw(grid_figures.size_figure, found, key) for key, name in grid_figures.FILE_NAMES.items()}
    drawn["precision_recall_by_size"] = draw(grid_figures.precision_recall_figure, found)
    drawn["confusion_largest"] = draw(grid_figures.confusion_figure, found)
    for name, figure in drawn.items():
        save(figure, folder, name)
    save_gallery(gallery, folder)
    return {name: inline_svg(figure, name) for name, figure in drawn.items()}


def _material(found, data):
    """(Gallery or why there is none, HTML of the cohort's flow or of why there is none)."""
    from mil_tf.evaluation.flow_part import flow_part

    first = found.largest.members[0]
    try:
        dataset = find_material(first.run, first.config, data)
    except MaterialError as reason:
        return str(reason), _no_flow(reason)
    gallery = grid_gallery(found, dataset)
    try:
        return gallery, flow_part(dataset)
    except MaterialError as reason:
        return gallery, _no_flow(reason)


def _no_flow(reason):
    return f"<p>How the cohort came about cannot be shown: {escape(str(reason))}</p>"


def _file_name(label):
    return re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-") or "grid"
