"""`report.html`: one page with the answer, tables, figures and what made the run; it stands alone."""

from html import escape

from mil_tf.evaluation.names import (
    BASELINES,
    FIGURES,
    PRIOR_NOTE,
    RATES,
    SLICES,
    baseline_note,
    methods,
    slice_sample,
)
from mil_tf.evaluation.page import cell, figure, row, table, words, write_page
from mil_tf.evaluation.pixel_views import pixel_part
from mil_tf.evaluation.positions_views import positions_part
from mil_tf.evaluation.settings import settings_part


def write_report(path, title, scores, figures, config, command, sections=()):
    """Write the page.

    Args:
        path: file to write.
        title: what was evaluated, a line of text.
        scores: the cohorts; the last one is the one that answers.
        figures: name -> <svg> element; "maps" (`mil_tf.evaluation.map_figure`) stands beside the score of points,
            "tumour_maps" (`mil_tf.evaluation.pixel_figure`) beside that of pixels.
        config: contents of the run's config.json, {} if it has none.
        command: the command line that wrote the page.
        sections: further pieces of HTML, each with its heading, that stand below the figures.
    """
    score = scores[-1]
    sample = f"Evaluated on {score.name}: {score.sample}. {score.nouns.told}".rstrip()
    write_page(path, title, [
        f"<h1>{escape(title)}</h1>", f'<p class="soft">{escape(sample)}</p>',
        f'<p class="answer">{escape(answer(score))}</p>', "<h2>Bags</h2>", _bag_table(scores),
        *_baseline_part(score), *_slice_part(score), *positions_part(score.positions, figures.get("maps")),
        *pixel_part(score.pixels, figures.get("tumour_maps")),
        "<h2>Figures</h2>", _figures(figures), *sections,
        "<h2>How the numbers are made</h2>", _methods(scores), "<h2>What made this run</h2>",
        settings_part(config), "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>"])


def answer(score):
    """The result of a cohort in a few sentences."""
    ap, auc = map(words, score.ranking.values())
    sentences = [f"Average precision {ap} and AUC {auc} on {score.sample}."]
    for decision in score.decisions:
        tn, fp, fn, tp = decision.confusion
        sentences.append(f"{decision.label.capitalize()} it finds {tp} of {tp + fn} positive bags and clears "
                         f"{tn} of {tn + fp} negative ones.")
    if score.slices:
        within = score.slices["within_auc"]
        sentences.append(f"Within a patient it ranks the slices with AUC {words(within.detector)}; "
                         f"their position alone scores {words(within.prior)}.")
    return " ".join(sentences)


def _bag_table(scores):
    rows = [row("average precision", [cell(score.ranking["ap"]) for score in scores]),
            row("AUC", [cell(score.ranking["auc"]) for score in scores])]
    if all(score.calibration for score in scores):
        rows.append(row("calibration error", [_calibration_cell(score.calibration) for score in scores]))
    for decisions in zip(*(score.decisions for score in scores)):
        label, width = escape(decisions[0].label), len(scores) + 1
        rows.append(f'<tr class="part"><th colspan="{width}">{label}</th></tr>')
        rows += [row(name, [cell(decision.rates[key]) for decision in decisions])
                 for key, name in RATES.items()]
        rows.append(row("confusion", [f"<td>{decision.counts}</td>" for decision in decisions]))
    heads = [f"{score.name}: {score.sample}" for score in scores]
    return table("Values with 95 % intervals; counts beside rates.", heads, rows, "numbers")


def _baseline_part(score):
    if not score.baselines:
        return []
    rows = []
    for key, name in BASELINES.items():
        if key in score.baselines:
            rows += _baseline_rows(name, score.baselines[key])
    shown = table("Values with 95 % intervals.", ["baseline", "gain of the detector"], rows, "numbers")
    return [f"<h2>Beside it on {escape(score.name)}</h2>", shown, f'<p class="soft">{baseline_note(score.nouns)}</p>']


def _baseline_rows(name, one):
    if one.note:
        return [row(name, [f'<td colspan="2">{escape(one.note)}</td>'])]
    return [row(f"{name}: {metric.upper()}", [cell(estimate), _gain_cell(one.gain[metric])])
            for metric, estimate in one.ranking.items()]


def _gain_cell(gain):
    value, _, rest = str(gain.estimate()).partition(" ")
    return f"<td>{escape(value)} <span>{escape(rest)} {escape(gain.p_text)}</span></td>"


def _slice_part(score):
    if not score.slices:
        return []
    rows = [row(name, map(cell, score.slices[key])) for key, name in SLICES.items()]
    heads = ["detector", "position prior", "gain over the prior"]
    shown = table(slice_sample(score), heads, rows, "numbers")
    return [f"<h2>Slices of {escape(score.name)}</h2>", shown, f'<p class="soft">{PRIOR_NOTE}</p>']


def _calibration_cell(calibration):
    return cell(calibration.error).replace("</td>", f" <span>by chance {calibration.chance:.3f}</span></td>")


def _figures(figures):
    curves = ("precision_recall", "roc")
    pair = "".join(figure(figures[name], FIGURES[name]) for name in curves if name in figures)
    rest = "\n".join(figure(figures[name], FIGURES[name]) for name in FIGURES if name in figures and name not in curves)
    return f'<div class="pair">{pair}</div>\n{rest}'


def _methods(scores):
    lines = list(methods(scores[0].nouns))
    if len(scores[0].decisions) == 1:
        lines.append(f"No threshold could be chosen on the validation bags: {scores[0].ranking['auc']}.")
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
