"""The page of a grid: how many bags are enough first, then curves, tables, errors, cohort and what made the runs."""

from html import escape

import numpy as np

from mil_tf.evaluation.cohort import PAPER_RULE, VALIDATION_RULE
from mil_tf.evaluation.enough import answer_in_words
from mil_tf.evaluation.gallery_views import gallery_part
from mil_tf.evaluation.grid_figures import FILE_NAMES
from mil_tf.evaluation.grid_names import CAPTIONS, methods
from mil_tf.evaluation.making import making_part, time_told
from mil_tf.evaluation.names import RATES
from mil_tf.evaluation.page import cell, figure, row, table, unsigned_zero, value_cell, write_page
from mil_tf.evaluation.study import AP, AUC, DRAWN, Study

MANY = 40  # lines of a list that is shown whole
MISFIT = 0.05


def write_grid_report(path, study, figures, gallery, flow, command):
    """Write the page.

    Args:
        path: file to write.
        study: a Study.
        figures: name -> <svg> element, by the names of CAPTIONS.
        gallery: a Gallery, or the text why there is none.
        flow: HTML of the cohort's flow.
        command: the command line that writes the page.
    """
    headline = title(study)
    write_page(path, headline, [
        f"<h1>{escape(headline)}</h1>", f'<p class="soft">{escape(scope(study))}</p>', _answer(study), _facts(study),
        *absent_part(study), "<h2>Average precision against the number of bags</h2>", _figure(figures, FILE_NAMES[AP]),
        _law_told(study, AP), metric_table(study, AP), enough_table(study),
        "<h2>AUC, sensitivity and specificity</h2>", _others(study, figures), "<h2>Precision and recall</h2>",
        _figure(figures, "precision_recall_by_size"),
        "<h2>Confusion of the largest size</h2>", _figure(figures, "confusion_largest"), confusion_table(study),
        gallery_part(gallery), "<h2>Cohort</h2>", flow, "<h2>How the numbers are made</h2>", _methods(study),
        "<h2>All runs</h2>", _runs(study, path.parent), "<h2>What made these runs</h2>",
        making_part(study.grid.members), "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>"])


def title(study):
    """The page's heading."""
    recipe = str(study.grid.members[0].config.get("recipe") or "Grid")
    label = study.grid.label
    name = recipe if not label or label == recipe else f"{recipe} ({label})"
    return f"{name}: how many bags are enough?"


def scope(study):
    """What was run and on what it answers, in a sentence each."""
    members, sizes = study.grid.members, study.grid.sizes
    folds, seeds = (len({getattr(member, name) for member in members}) for name in ("fold", "seed"))
    span = f"{sizes[0]:,} to {sizes[-1]:,} training bags" if len(sizes) > 1 else f"{sizes[0]:,} training bags"
    return (f"{_many(len(members), 'model')}: {_many(len(sizes), 'size')} ({span}), {_many(folds, 'fold')}, "
            f"{_many(seeds, 'seed')}. Evaluated on {study.cohort}: {study.sample}. {_nouns(study).told}").rstrip()


def _nouns(study):
    return study.grid.members[0].score.nouns


def _many(count, noun):
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def answer_sentences(study):
    """The answer: how many bags are enough, in sentences."""
    folds = len(set(study.largest.folds))
    return answer_in_words(study.enough[AP], "average precision", folds)


def _answer(study):
    first, *rest = answer_sentences(study)
    more = f"<p>{escape(' '.join(rest))}</p>" if rest else ""
    return f'<div class="answer"><p class="lead">{escape(first)}</p>{more}</div>'


def _facts(study):
    largest = study.largest
    facts = [(str(largest.per_fold[AP]), f"average precision at {largest.bags:,} bags, per fold"),
             (str(largest.together[AP]), f"average precision at {largest.bags:,} bags, ensemble")]
    if PAPER_RULE in largest.ensembles:
        tn, fp, fn, tp = largest.ensembles[PAPER_RULE].confusion
        facts.append((f"{tp} of {tp + fn}", f"positive bags found by the majority; {fp} of {tn + fp} false alarms"))
    facts.append((time_told(study.grid.members), "training, all runs together"))
    return f'<div class="facts">{"".join(_fact(*fact) for fact in facts)}</div>'


def _fact(value, name):
    number, bracket, interval = value.partition(" [")
    told = f' <span class="soft">[{escape(interval)}</span>' if bracket else ""
    return f"<div><strong>{escape(number)}</strong>{told} {escape(name)}</div>"


def absent_part(study):
    """HTML of what is not there, where anything is not."""
    lines = [*study.grid.missing, *(f"left out: {line}" for line in study.grid.set_aside)]
    if not study.grid.common_test:
        lines.append("The folds have test sets of their own, so there is no ensemble, and nothing of other patients.")
    if not lines:
        return []
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines[:MANY])
    more = f"<li>and {len(lines) - MANY} more</li>" if len(lines) > MANY else ""
    return [f'<div class="warn"><p>Not everything is there. What is there is drawn:</p><ul>{shown}{more}</ul></div>']


def _figure(figures, name):
    return figure(figures[name], CAPTIONS[name])


def law_in_words(study, key):
    """What the fitted law says and whether it holds, in sentences."""
    curve, largest = study.curves[key], study.largest.bags
    if isinstance(curve, str):
        return f"The law is {curve}."
    if curve.drop == 0:
        said = [f"Fitted law: flat at {curve.limit:.3f}; no size is better than another."]
    else:
        said = [f"Fitted law: {curve.limit:.3f} - {curve.drop:.3f} (N / {curve.origin:,.0f})^-{curve.rate:.2g}."]
        gain, low, high = curve.doubled
        interval = "" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]"
        said.append(f"If it went on beyond what was measured, {2 * largest:,} bags would add {gain:.3f}{interval} to "
                    f"{largest:,}.")
    return " ".join([*said, _fit_told(curve.misfit)])


def _fit_told(misfit):
    if np.isnan(misfit):
        return "With one fold a size it cannot be tested whether it holds."
    if misfit < MISFIT:
        return (f"The sizes' means do not lie on it (lack of fit, p = {misfit:.2g}): trust the boxes, not the line.")
    return f"The sizes' means do not contradict it (lack of fit, p = {misfit:.2g})."


def _law_told(study, key):
    return f"<p>{escape(law_in_words(study, key))}</p>"


def metric_table(study, key):
    """Both readings of a metric at each size, and how each size compares with the largest."""
    heads = ["per fold: mean", "ensemble", "shortfall, per fold", "shortfall, ensemble", ""]
    rows = [_size_row(study, size, key) for size in study.sizes]
    caption = f"{study.drawn[key]}, values with 95 % intervals; shortfall: {study.largest.bags:,} bags minus this size"
    return table(caption, heads, rows, "numbers", "bags")


def _size_row(study, size, key):
    compared = {one.bags: one for one in study.enough[key].compared}.get(size.bags)
    together = study.ensemble_shortfalls.get((size.bags, key[0])) if not key[1] and compared else None
    cells = [value_cell(size.per_fold[key]), cell(size.together[key]),
             value_cell(compared.shortfall) if compared else "<td></td>",
             cell(together) if together else "<td></td>", f"<td>{escape(compared.verdict if compared else '')}</td>"]
    return row(f"{size.bags:,}", cells)


def enough_table(study):
    """For each metric the sizes that reach the largest, are as good, and are worse."""
    rows = []
    for key, name in study.drawn.items():
        found = study.enough[key]
        worse = ", ".join(f"{one.bags:,}" for one in found.compared if one.worse) or "none"
        cells = [_from(found.reached, found.largest), _from(found.as_good, found.largest), worse]
        rows.append(row(name, [f"<td>{text}</td>" for text in cells]))
    margin = study.enough[study.first].margin
    heads = [f"reaches {study.largest.bags:,}", f"as good to within {margin:g}", "shown to be worse"]
    return table("How many bags are enough, by each metric per fold.", heads, rows, "numbers")


def _from(size, largest):
    return f"{size:,} bags and more" if size < largest else "no smaller size"


def _others(study, figures):
    keys = [key for key in DRAWN if key != AP]
    drawn = "".join(figure(figures[FILE_NAMES[key]], f"{CAPTIONS[FILE_NAMES[key]]}. {law_in_words(study, key)}")
                    for key in keys)
    return (f'<div class="pair">{drawn}</div>\n{metric_table(study, AUC)}\n'
            + "\n".join(rate_table(study, rule) for rule in (PAPER_RULE, VALIDATION_RULE)
                        if all(("tpr", rule) in size.per_fold for size in study.sizes)))


def rate_table(study, rule):
    """All rates of a rule at each size, in both readings."""
    parts = []
    for size in study.sizes:
        parts.append(row(f"{size.bags:,} per fold", [value_cell(size.per_fold[name, rule]) for name in RATES]))
        parts.append(row("ensemble", [value_cell(size.together[name, rule]) for name in RATES]))
    caption = f"Decisions {rule}, both readings with 95 % intervals."
    return table(caption, list(RATES.values()), parts, "numbers many", "bags")


def confusion_table(study):
    """Mean counts per fold, and the majority's, by every rule."""
    size, rows = study.largest, []
    for rule, counts in size.mean_counts.items():
        rows.append(row(f"{rule}, per fold: mean", _counts(counts, ".1f")))
        if rule in size.ensembles:
            rows.append(row(f"{rule}, ensemble: majority vote", _counts(size.ensembles[rule].confusion, "d")))
    heads = ["TP", "FN", "TN", "FP"]
    return table(f"{size.bags:,} training bags, {_many(len(size.members), 'model')}", heads, rows, "numbers")


def _counts(confusion, form):
    tn, fp, fn, tp = confusion
    return [f"<td>{count:{form}}</td>" for count in (tp, fn, tn, fp)]


def _methods(study):
    lines = [*methods(_nouns(study)), f"The margin that would not matter is {study.enough[AP].margin:g} (--margin)."]
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _runs(study, folder):
    """A row a run, with a link to its own page where that lies below this one."""
    rows = []
    for member in study.grid.members:
        score, rates = member.score, member.score.decisions[0].rates
        cells = [value_cell(one) for one in (*score.ranking.values(), rates["tpr"], rates["tnr"])]
        rows.append(row(f"{member.bags:,}", [f"<td>{member.fold}</td><td>{member.seed}</td>", *cells,
                                             f"<td>{run_link(member, study.cohort, folder)}</td>"]))
    heads = ["fold", "seed", "AP", "AUC", "TPR at 0.5", "TNR at 0.5", ""]
    return table("Each model by itself; intervals are over patients.", heads, rows, "numbers many", "bags")


def run_link(member, cohort, folder):
    """A link to a run's own page, "" where that does not lie below this one."""
    name = "report.html" if cohort == "test" else f"report-{cohort}.html"
    try:
        return f'<a href="{escape((member.run / name).relative_to(folder).as_posix())}">report</a>'
    except ValueError:
        return ""


def summary_lines(study: Study):
    """The answer and both readings at each size, for a terminal."""
    lines = [title(study), scope(study), *answer_sentences(study), law_in_words(study, AP), ""]
    lines.append(f"{'bags':>7s}  {'AP per fold':22s} {'AP ensemble':22s} {'TPR at 0.5 per fold':22s} "
                 f"TNR at 0.5 per fold")
    for size in study.sizes:
        shown = [size.per_fold[AP], size.together[AP], *(size.per_fold[name, PAPER_RULE] for name in ("tpr", "tnr"))]
        lines.append(f"{size.bags:7,d}  " + " ".join(f"{unsigned_zero(str(value)):22s}" for value in shown).rstrip())
    lines += [f"not there: {line}" for line in study.grid.missing[:MANY]]
    return lines + [f"left out: {line}" for line in study.grid.set_aside[:MANY]]
