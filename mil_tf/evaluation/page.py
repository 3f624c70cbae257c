"""What every page is made of: its style, its frame, and the tables and cells that stand in it.

A page is one file that opens without a network, reads on light and on dark, and prints.
"""

import datetime
import re
from html import escape

import numpy as np

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
.wide { overflow-x: auto; } .wide + .wide { margin-top: 1.4rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem 1.1rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.numbers td, .numbers tbody th { white-space: nowrap; }
.many table { font-size: .86rem; }
.many td, .many th { padding-right: .7rem; }
thead th { border-bottom: 2px solid var(--line); } th { font-weight: 600; }
tr.part th { padding-top: 1rem; color: var(--mark); }
td span { color: var(--soft); }
figure { margin: 1.4rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; display: block; }
.pair { display: flex; flex-wrap: wrap; gap: 0 1.5rem; } .pair figure { flex: 1 1 22rem; max-width: 34rem; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--wash); padding: .7rem; white-space: pre-wrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .8rem; margin: .8rem 0; }
.tiles figure { margin: 0; min-width: 0; } .tiles svg { width: 100%; background: #000; border-radius: 3px; }
.tiles figcaption { font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; padding-top: .25rem; }
.tiles b { color: var(--ink); } .lesion { fill: none; stroke: #ffb000; stroke-width: 1.5; }
.key { display: inline-block; width: 1.4em; height: 0; border-top: 3px solid #ffb000; vertical-align: middle; }
.answer p { margin: .3rem 0; } .lead { font-size: 1.3rem; line-height: 1.35; font-weight: 600; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.facts div { background: var(--wash); border-radius: 4px; padding: .6rem .8rem; }
.facts strong { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.warn { border: 1px solid var(--mark); border-radius: 4px; padding: .3rem .9rem; }
a { color: inherit; }
@media print { body { max-width: none; margin: 0; font-size: 10pt; } h2, h3 { break-after: avoid; }
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; --wash: #f4f6f8; --mark: #7a3210; }
  tr, .tiles figure { break-inside: avoid; } .tiles { grid-template-columns: repeat(5, 1fr); }
  .facts { grid-template-columns: repeat(4, 1fr); } .numbers table { font-size: 9pt; }
  .many table { font-size: 7.5pt; } }
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


def write_page(path, title, parts):
    """Write a page of these parts, each a piece of HTML; `title` is plain text."""
    dated = [*parts, f'<p class="soft">Written {datetime.date.today().isoformat()}.</p>']
    path.write_text(PAGE.format(title=escape(title), style=STYLE, body="\n".join(dated)), encoding="utf-8")


def words(estimate):
    """An Estimate in a sentence."""
    if np.isnan(estimate.value) or np.isnan(estimate.low):
        return str(estimate)
    return f"{estimate.value:.3f} (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def cell(estimate):
    """An Estimate as a cell: value, interval, counts."""
    if np.isnan(estimate.value):
        return f"<td>{escape(estimate.note)}</td>"
    counts = "" if estimate.n is None else f" {estimate.k}/{estimate.n}"
    return value_cell(estimate, counts)


def value_cell(estimate, more=""):
    """What prints as a value and its interval, or as the reason why there is none, as a cell."""
    value, _, interval = unsigned_zero(str(estimate)).partition(" ")
    if not value[-1:].isdigit():
        return f"<td>{escape(str(estimate))}</td>"
    return f"<td>{value} <span>{escape(interval)}{more}</span></td>"


def unsigned_zero(text):
    """The text with no zero below zero, as rounding leaves them."""
    return re.sub(r"-(0\.0+)(?!\d)", r"\1", text)


def row(name, cells):
    """A line of a table: its name, which is plain text, and its cells."""
    return f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>"


def table(caption, heads, rows, kind, corner=""):
    """A table that scrolls sideways where it is too wide; caption, heads and corner are plain text."""
    columns = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return (f'<div class="wide {kind}"><table><caption>{escape(caption)}</caption>'
            f"<thead><tr><th>{escape(corner)}</th>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")


def figure(svg, caption):
    """A figure with its caption, which is plain text."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
