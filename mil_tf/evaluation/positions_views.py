"""The score of points against boxes in a terminal, and as a section of a page in the form of nemcek2021's Table I."""

from html import escape

import numpy as np

from mil_tf.evaluation.page import figure, row, table
from mil_tf.evaluation.settings import text_of

NAMES = {"ppv": "PPV", "sensitivity": "sensitivity", "dice": "Dice"}
PARAMETERS = {"h": "h, least prominence", "threshold": "T, what a value must exceed",
              "distance": "d, least distance in pixels"}
POOLINGS = {"max": "max pooling", "attention": "attention"}
MIDDLE = "middle of each positive slice"
NOTE = ("A box that a point lies in is found, however many lie in it; a box without any is missed; a point in no box "
        "is false. PPV is found / (found + false), sensitivity found / (found + missed), Dice 2 found / (2 found + "
        "false + missed), over all slices together; intervals are by patient. The middle is one point in the middle of "
        "each slice whose probability is at least 0.5: what a position that needs no map would score.")


def position_lines(positions):
    """Lines of a terminal."""
    yield f"  points against boxes: {positions.sample}"
    yield f"    detector: {detector_told(positions)}"
    yield f"    {'':12s} {'points':34s} {MIDDLE if positions.middle else ''}".rstrip()
    for key, name in NAMES.items():
        found = [each[key] for each in (positions.points, positions.middle) if each]
        yield f"    {name:12s} " + " ".join(f"{estimate!s:22s} {_counts(estimate):11s}" for estimate in found).rstrip()


def positions_part(positions, maps=None):
    """Pieces of HTML of a page, with the figure of maps where there is its <svg>; of None, nothing."""
    if positions is None:
        return []
    rows = [row(_method(positions), [_cell(estimate) for estimate in positions.points.values()])]
    if positions.middle:
        rows.append(row(MIDDLE, [_cell(estimate) for estimate in positions.middle.values()]))
    heads = [f"{name} [%]" for name in NAMES.values()]
    return ["<h2>Where it bleeds: points against boxes</h2>",
            table(f"{positions.sample}; values with 95 % intervals.", heads, rows, "numbers", "method"),
            f'<p class="soft">{escape(NOTE)}</p>', _detector_table(positions),
            *([figure(maps, "Likelihood maps, boxes and points")] if maps else [])]


def detector_told(positions):
    """The detector's parameters and where they come from, in a line."""
    values = positions.detector.get("detector")
    if not values:
        return "its parameters are not known, as the run has no detector.json"
    letters = {name: words.partition(",")[0] for name, words in PARAMETERS.items()}
    told = ", ".join(f"{letters[name]} {float(values[name]):.4g}" for name in PARAMETERS if name in values)
    return f"{told}; {source_told(positions)}"


def source_told(positions):
    """Where the parameters come from, and on which slices points are taken."""
    facts = positions.detector
    told = {"tuned": _tuned(facts, positions.tuned), "published": "published (nemcek2021, section II-E)"}
    where = "points only on slices of at least 0.5" if facts.get("only_positive") else "points on all slices"
    return f"{told.get(facts.get('source'), 'source unknown')}, {where}"


def _tuned(facts, patients):
    whom = f"{patients} other patients" if patients else "other patients"
    dice = facts.get("dice_tuned")
    there = "" if dice is None else f", {dice:.3f} there"
    return f"tuned on {whom} ({facts.get('trials')} trials of Bayesian optimisation of Dice{there})"


def _detector_table(positions):
    facts = positions.detector
    if not facts.get("detector"):
        return f'<p class="soft">The detector: {escape(detector_told(positions))}.</p>'
    bounds = facts.get("bounds") or {}
    rows = [row(words, [f"<td>{float(facts['detector'][name]):.4g}</td>", f"<td>{_bounds(bounds.get(name))}</td>"])
            for name, words in PARAMETERS.items() if name in facts["detector"]]
    return table(f"The detector: {source_told(positions)}.", ["value", "searched"], rows, "numbers")


def _bounds(bounds):
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        return "" if bounds is None else escape(text_of(bounds))
    return "{:.4g} to {:.4g}".format(*bounds)


def _method(positions):
    return POOLINGS.get(positions.detector.get("pooling"), "points of this model")


def _cell(estimate):
    if np.isnan(estimate.value):
        return f"<td>{escape(estimate.note)}</td>"
    interval = estimate.note if np.isnan(estimate.low) else f"[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
    return f"<td>{100 * estimate.value:.2f} <span>{escape(' '.join([interval, _counts(estimate)]).strip())}</span></td>"


def _counts(estimate):
    return "" if estimate.n is None else f"{estimate.k}/{estimate.n}"
