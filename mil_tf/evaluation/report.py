"""`report.html`: one page with the answer, tables, figures and what made the run; it stands alone."""

import datetime
import json
from html import escape

import numpy as np

from mil_tf.evaluation.names import BASELINE_NOTE, BASELINES, FIGURES, METHODS, PRIOR_NOTE, RATES, SLICES, slice_sample

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --soft: #5d6873; --line: #d9dee3;
  --wash: #f4f6f8; --mark: #b24a17; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #14181c; --soft: #98a4b0;
  --line: #343c44; --wash: #1c2228; --mark: #f0915c; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
.answer { font-size: 1.15rem; border-left: 4px solid var(--mark); padding: .3rem 0 .3rem 1rem; }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem; }
caption { text-align: left; padding: .3rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem 1.1rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.numbers td, .numbers tbody th { white-space: nowrap; }
thead th { border-bottom: 2px solid var(--line); } th { font-weight: 600; }
tr.part th { padding-top: 1rem; color: var(--mark); }
td span { color: var(--soft); }
figure { margin: 1.4rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; display: block; }
.pair { display: flex; flex-wrap: wrap; gap: 0 1.5rem; } .pair figure { flex: 1 1 22rem; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--wash); padding: .7rem; white-space: pre-wrap; }
@media print { body { max-width: none; margin: 0; font-size: 10pt; } h2, h3 { break-after: avoid; }
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; --wash: #f4f6f8; --mark: #7a3210; }
  tr { break-inside: avoid; } .numbers table { font-size: 9pt; } }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_report(path, title, scores, figures, config, command):
    """Write the page.

    Args:
        path: file to write.
        title: what was evaluated, a line of text.
        scores: the cohorts; the last one is the one that answers.
        figures: name -> <svg> element.
        config: contents of the run's config.json, {} if it has none.
        command: the command line that wrote the page.
    """
    score = scores[-1]
    sample = f"Evaluated on {score.name}: {score.sample}."
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="soft">{escape(sample)}</p>',
             f'<p class="answer">{escape(answer(score))}</p>', "<h2>Bags</h2>", _bag_table(scores),
             *_baseline_part(score), *_slice_part(score), "<h2>Figures</h2>", _figures(figures),
             "<h2>How the numbers are made</h2>", _methods(scores), "<h2>What made this run</h2>",
             _settings(config), "<h3>Evaluation</h3>", f"<pre>{escape(command)}</pre>",
             f'<p class="soft">Written {datetime.date.today().isoformat()}.</p>']
    path.write_text(PAGE.format(title=escape(title), style=STYLE, body="\n".join(parts)), encoding="utf-8")


def answer(score):
    """The result of a cohort in a few sentences."""
    ap, auc = map(_words, score.ranking.values())
    sentences = [f"Average precision {ap} and AUC {auc} on {score.sample}."]
    for decision in score.decisions:
        tn, fp, fn, tp = decision.confusion
        sentences.append(f"{decision.label.capitalize()} it finds {tp} of {tp + fn} positive bags and clears "
                         f"{tn} of {tn + fp} negative ones.")
    if score.slices:
        within = score.slices["within_auc"]
        sentences.append(f"Within a patient it ranks the slices with AUC {_words(within.detector)}; "
                         f"their position alone scores {_words(within.prior)}.")
    return " ".join(sentences)


def _words(estimate):
    if np.isnan(estimate.value) or np.isnan(estimate.low):
        return str(estimate)
    return f"{estimate.value:.3f} (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def _bag_table(scores):
    rows = [_row("average precision", [_cell(score.ranking["ap"]) for score in scores]),
            _row("AUC", [_cell(score.ranking["auc"]) for score in scores])]
    if all(score.calibration for score in scores):
        rows.append(_row("calibration error", [_calibration_cell(score.calibration) for score in scores]))
    for decisions in zip(*(score.decisions for score in scores)):
        label, width = escape(decisions[0].label), len(scores) + 1
        rows.append(f'<tr class="part"><th colspan="{width}">{label}</th></tr>')
        rows += [_row(name, [_cell(decision.rates[key]) for decision in decisions])
                 for key, name in RATES.items()]
        rows.append(_row("confusion", [f"<td>{decision.counts}</td>" for decision in decisions]))
    heads = [f"{score.name}: {score.sample}" for score in scores]
    return _table("Values with 95 % intervals; counts beside rates.", heads, rows, "numbers")


def _baseline_part(score):
    if not score.baselines:
        return []
    rows = []
    for key, name in BASELINES.items():
        if key in score.baselines:
            rows += _baseline_rows(name, score.baselines[key])
    table = _table("Values with 95 % intervals.", ["baseline", "gain of the detector"], rows, "numbers")
    return [f"<h2>Beside it on {escape(score.name)}</h2>", table, f'<p class="soft">{BASELINE_NOTE}</p>']


def _baseline_rows(name, one):
    if one.note:
        return [_row(name, [f'<td colspan="2">{escape(one.note)}</td>'])]
    return [_row(f"{name}: {metric.upper()}", [_cell(estimate), _gain_cell(one.gain[metric])])
            for metric, estimate in one.ranking.items()]


def _gain_cell(gain):
    value, _, rest = str(gain.estimate()).partition(" ")
    return f"<td>{escape(value)} <span>{escape(rest)} {escape(gain.p_text)}</span></td>"


def _slice_part(score):
    if not score.slices:
        return []
    rows = [_row(name, map(_cell, score.slices[key])) for key, name in SLICES.items()]
    heads = ["detector", "position prior", "gain over the prior"]
    table = _table(slice_sample(score), heads, rows, "numbers")
    return [f"<h2>Slices of {escape(score.name)}</h2>", table, f'<p class="soft">{PRIOR_NOTE}</p>']


def _calibration_cell(calibration):
    return _cell(calibration.error).replace("</td>", f" <span>by chance {calibration.chance:.3f}</span></td>")


def _cell(estimate):
    if np.isnan(estimate.value):
        return f"<td>{escape(estimate.note)}</td>"
    value, _, interval = str(estimate).partition(" ")
    counts = "" if estimate.n is None else f" {estimate.k}/{estimate.n}"
    return f"<td>{value} <span>{escape(interval)}{counts}</span></td>"


def _row(name, cells):
    return f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>"


def _table(caption, heads, rows, kind):
    columns = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return (f'<div class="wide {kind}"><table><caption>{escape(caption)}</caption>'
            f"<thead><tr><th></th>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")


def _figures(figures):
    def one(name):
        return f"<figure>{figures[name]}<figcaption>{escape(FIGURES[name])}</figcaption></figure>"
    curves = ("precision_recall", "roc")
    pair = "".join(one(name) for name in curves if name in figures)
    rest = "\n".join(one(name) for name in FIGURES if name in figures and name not in curves)
    return f'<div class="pair">{pair}</div>\n{rest}'


def _methods(scores):
    lines = list(METHODS)
    if len(scores[0].decisions) == 1:
        lines.append(f"No threshold could be chosen on the validation bags: {scores[0].ranking['auc']}.")
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _settings(config):
    """Every entry of config.json: the command, then plain ones, then one table a section."""
    if not config:
        return '<p class="soft">The run has no config.json.</p>'
    command = config.get("command")
    parts = [] if command is None else [f"<pre>{escape(_text(command))}</pre>"]
    plain = {key: value for key, value in config.items() if not isinstance(value, dict) and key != "command"}
    sections = {"run": plain, **{key: value for key, value in config.items() if isinstance(value, dict)}}
    parts += [_settings_table(name, flatten(value)) for name, value in sections.items() if value]
    return "\n".join(parts)


def flatten(tree, prefix=""):
    """Nested dicts to one level with dotted names."""
    flat = {}
    for key, value in tree.items():
        nested = isinstance(value, dict) and value
        flat.update(flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value})
    return flat


def _settings_table(name, values):
    rows = [_row(key, [f"<td><code>{escape(_text(value))}</code></td>"]) for key, value in values.items()]
    heading = escape(name.replace("_", " ").capitalize())
    return f'<h3>{heading}</h3>\n<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'


def _text(value):
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value)
