"""The page of a grid of runs on fields: how many images are enough, curves, tables, all runs and what made them."""

from html import escape

from mil_tf.evaluation.enough import answer_in_words
from mil_tf.evaluation.fields.names import ACCURACY, CLASS_MEAN, ENSEMBLE, IMAGE, MAP, MEASURES, TREATMENT, methods
from mil_tf.evaluation.fields.score import BUDGET, LEAST_RESAMPLES
from mil_tf.evaluation.fields.study import OF_TREATMENTS
from mil_tf.evaluation.grid_names import BOXES, COMPARED, PER_FOLD
from mil_tf.evaluation.grid_report import (
    MANY,
    absent_part,
    enough_table,
    law_in_words,
    metric_table,
    run_link,
    scope,
    title,
)
from mil_tf.evaluation.making import making_part
from mil_tf.evaluation.page import figure, row, table, unsigned_zero, value_cell, write_page


def file_name(key):
    """Name of the figure of a key of a Study's `drawn`."""
    return f"{key[0]}_by_size"


def write_field_grid(path, study, figures, command):
    """Write the page.

    Args:
        path: file to write.
        study: a Study of `mil_tf.evaluation.fields.study`.
        figures: file_name of each key -> <svg> element.
        command: the command line that writes the page.
    """
    first, *rest = answer_sentences(study)
    single = all(member.score.single_label for member in study.grid.members)
    lines = [PER_FOLD, ENSEMBLE, *COMPARED, BOXES, *methods(single, BUDGET, LEAST_RESAMPLES),
             f"The margin that would not matter is {study.enough[study.first].margin:g} (--margin)."]
    write_page(path, title(study), [
        f"<h1>{escape(title(study))}</h1>", f'<p class="soft">{escape(scope(study))}</p>',
        f'<div class="answer"><p class="lead">{escape(first)}</p><p>{escape(" ".join(rest))}</p></div>',
        *absent_part(study), *(part for key in study.drawn for part in _metric(study, key, figures)),
        "<h2>How many are enough</h2>", enough_table(study), "<h2>How the numbers are made</h2>",
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>", "<h2>All runs</h2>",
        _runs(study, path.parent), "<h2>What made these runs</h2>", making_part(study.grid.members),
        "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>"])


def answer_sentences(study):
    """The answer by the first metric: how many bags are enough, in sentences."""
    return answer_in_words(study.enough[study.first], study.drawn[study.first], len(set(study.largest.folds)))


def field_grid_lines(study):
    """The answer and both readings at each size, for a terminal."""
    keys = [key for key in study.drawn if key in (study.first, (MAP, ""), (ACCURACY, ""), OF_TREATMENTS)]
    lines = [title(study), scope(study), *answer_sentences(study), law_in_words(study, study.first), ""]
    heads = [f"{study.drawn[key]}, {reading}" for key in keys for reading in ("per fold", "ensemble")]
    lines.append(f"{'bags':>7s}  " + " ".join(f"{head:36s}" for head in heads).rstrip())
    for size in study.sizes:
        shown = [unsigned_zero(str(one)) for key in keys for one in (size.per_fold[key], size.together[key])]
        lines.append(f"{size.bags:7,d}  " + " ".join(f"{value:36s}" for value in shown).rstrip())
    lines += [f"not there: {line}" for line in study.grid.missing[:MANY]]
    return lines + [f"left out: {line}" for line in study.grid.set_aside[:MANY]]


def _metric(study, key, figures):
    name = study.drawn[key]
    yield f"<h2>{escape(name[0].upper() + name[1:])} against the number of bags</h2>"
    yield figure(figures[file_name(key)], f"{name[0].upper()}{name[1:]} against the number of training bags")
    yield f"<p>{escape(law_in_words(study, key))}</p>"
    yield metric_table(study, key)


def _runs(study, folder):
    """A row a run, with a link to its own page where that lies below this one."""
    rows, keys = [], (ACCURACY, CLASS_MEAN, MAP)
    treated = OF_TREATMENTS in study.drawn
    for member in study.grid.members:
        found = [member.score.levels[IMAGE].estimates[key] for key in keys]
        found += [member.score.levels[TREATMENT].accuracy] if treated else []
        rows.append(row(f"{member.bags:,}", [f"<td>{member.fold}</td><td>{member.seed}</td>", *map(value_cell, found),
                                             f"<td>{run_link(member, study.cohort, folder)}</td>"]))
    heads = ["fold", "seed", *(MEASURES[key] for key in keys), *([study.drawn[OF_TREATMENTS]] if treated else []), ""]
    return table("Each model by itself; intervals are over wells.", heads, rows, "numbers many", "bags")
