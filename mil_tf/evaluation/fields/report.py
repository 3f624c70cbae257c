"""`report.html` of a run on fields: the answer, tables, figures and what made the run on one page that stands alone."""

from html import escape

from mil_tf.evaluation.fields.cells_report import cells_part
from mil_tf.evaluation.fields.figures import FIGURES
from mil_tf.evaluation.fields.names import (
    CELL_BAG,
    CELL_OWN,
    IMAGE,
    LEVELS,
    MEASURES,
    RATES,
    REPLICATE,
    TREATMENT,
    UNITS,
    methods,
)
from mil_tf.evaluation.fields.score import BUDGET, LEAST_RESAMPLES
from mil_tf.evaluation.fields.text import ranked_told, rows_told
from mil_tf.evaluation.page import cell, figure, row, table, words, write_page
from mil_tf.evaluation.settings import settings_part


def write_report(path, title, scores, figures, config, command):
    """Write the page.

    Args:
        path: file to write.
        title: what was evaluated, a line of text.
        scores: FieldScores of the cohorts; the last one is the one that answers.
        figures: name -> <svg> element, by the names of FIGURES.
        config: contents of the run's config.json.
        command: the command line that wrote the page.
    """
    score = scores[-1]
    sample = f"Evaluated on {score.name}: {score.sample}. {score.nouns.told}"
    lines = methods(score.single_label, BUDGET, LEAST_RESAMPLES)
    write_page(path, title, [
        f"<h1>{escape(title)}</h1>", f'<p class="soft">{escape(sample)}</p>',
        f'<p class="answer">{escape(answer(score))}</p>', *_notes(scores), "<h2>Images, treatments, cells</h2>",
        *(level_table(each) for each in reversed(scores)), calibration_table(scores), "<h2>Classes</h2>",
        class_table(score), *_cell_classes(score),
        *(decision_table(score, decided) for decided in score.decisions), "<h2>Figures</h2>", _figures(figures),
        *cells_part(score),
        "<h2>How the numbers are made</h2>", "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>",
        "<h2>What made this run</h2>", settings_part(config), "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>"])


def answer(score):
    """The result of a cohort in a few sentences."""
    image = score.levels[IMAGE]
    sentences = [_accuracy_told(score, IMAGE),
                 f"Mean average precision is {words(image.ranked.mean_ap)} over {ranked_told(image)}."]
    sentences = sentences if score.single_label else sentences[::-1]
    sentences += [_accuracy_told(score, name) for name in (TREATMENT, CELL_BAG, CELL_OWN) if name in score.levels]
    return " ".join(sentences)


def _accuracy_told(score, name):
    level = score.levels[name]
    if not level.single:
        return f"None of the {UNITS[name]} has exactly one class, so there is no accuracy."
    accuracy, kind = level.accuracy, LEVELS[name]
    mean = f", class-mean {words(level.class_mean)}" if name == IMAGE else ""
    return (f"{kind[0].upper()}{kind[1:]}: {accuracy.k:,} of {accuracy.n:,} right, accuracy {words(accuracy)}{mean}; "
            f"always the commonest class would score {level.commonest:.3f}.")


def _notes(scores):
    notes = [note for score in scores for note in score.notes]
    return [f'<div class="warn">{"".join(f"<p>{escape(note)}</p>" for note in notes)}</div>'] if notes else []


def level_table(score):
    """A row a level: its measures, its size, and what no look at a row would score."""
    rows = [row(LEVELS[name], [*(cell(one) for one in level.estimates.values()), *map(_text, (
        ranked_told(level), rows_told(level), *(f"{value:.3f}" for value in level.without_looking.values())))])
        for name, level in score.levels.items()]
    heads = [*MEASURES.values(), "classes ranked", "of", "always the commonest class", "a guess", "AP by chance"]
    caption = f"{score.name}: {score.sample}. Values with 95 % intervals; counts beside shares."
    return table(caption, heads, rows, "many")


def calibration_table(scores):
    """The expected calibration error of each cohort's images."""
    rows = [row(score.name, [cell(score.calibration.error), _text(f"{score.calibration.chance:.3f}")])
            for score in scores]
    return table("Probabilities of the images.", ["expected calibration error", "by chance alone"], rows, "numbers")


def class_table(score):
    """Every class of the images: how many, its accuracy, AP and AUC, and its accuracy among treatments."""
    level, truth = score.levels[IMAGE], score.predictions.y_true
    more = [score.levels[name] for name in (TREATMENT, REPLICATE) if name in score.levels][:1]
    heads = ["images", "accuracy", "AP", "AUC", *(f"accuracy of {UNITS[one.name]}" for one in more)]
    rows = [row(each, [_text(f"{count:,}"), cell(level.recalls[each]), cell(level.ranked.ap[each]),
                       cell(level.ranked.auc[each]), *(cell(one.recalls[each]) for one in more)])
            for each, count in zip(level.classes, truth.sum(axis=0))]
    return table(f"{score.name}: each class's accuracy is the share of its images with no other class that are right.",
                 heads, rows, "numbers many", "class")


def _cell_classes(score):
    levels = [score.levels[name] for name in (CELL_BAG, CELL_OWN) if name in score.levels]
    if not levels:
        return []
    heads = [f"{words}, {LEVELS[level.name].partition(', ')[2]}" for level in levels for words in ("accuracy", "AP")]
    rows = [row(each, [cell(one) for level in levels for one in (level.recalls[each], level.ranked.ap[each])])
            for each in score.predictions.classes]
    return [table(f"{score.name}: cropped cells.", heads, rows, "numbers many", "class")]


def decision_table(score, decided):
    """Precision, recall and F1 of every class at its threshold, then their averages."""
    rows = [row(each, [_text(f"{at:.4g}"), *(cell(decided.by_class[rate][each]) for rate in RATES)])
            for each, at in decided.thresholds.items()]
    rows += [row(how, [_text(""), *(cell(decided.average[how, rate]) for rate in RATES)]) for how in ("macro", "micro")]
    heads = ["threshold", *RATES.values()]
    return table(f"{score.name}: decisions {decided.rule}.", heads, rows, "numbers many", "class")


def _text(text):
    return f"<td>{escape(text)}</td>"


def _figures(figures):
    return "".join(figure(figures[name], told) for name, told in FIGURES.items() if name in figures)
