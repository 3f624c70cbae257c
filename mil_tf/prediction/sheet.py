"""The sheet of one scan: probability along its slices, and the most probable slices themselves.

Of a model that says where in a slice it looked, with its heat map and points over them.
"""

import textwrap

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mil_tf.evaluation.figures import INK, NEGATIVE, POSITIVE, STYLE
from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.prediction import overlay
from mil_tf.prediction.back import is_aligned, scan_slice
from mil_tf.prediction.files import NOTE

LEVEL, WIDTH = 40.0, 80.0  # HU, the brain window in which hemorrhage is read
TOP = 4
DPI = 110
CLOSE = 0.015  # of the axis: nearer than a number is wide
LETTERS = "#ffb000"  # amber, told from every grey
LINE = 150  # characters that fit the sheet's width


def write_sheet(path, answer):
    """Writes the PNG of an Answer."""
    with matplotlib.rc_context(STYLE):
        figure = sheet(answer)
        figure.savefig(path, dpi=DPI, facecolor="white", format="png", metadata={"Software": None})


def sheet(answer):
    """Returns the Figure."""
    order = np.argsort(-answer.probability, kind="stable")[:TOP]
    figure = Figure(figsize=(12, 7.6), layout="constrained")
    grid = figure.add_gridspec(2, TOP, height_ratios=[1, 1.3])
    _profile(figure.add_subplot(grid[0, :]), answer, order)
    drawn = [figure.add_subplot(grid[1, rank]) for rank in range(len(order))]
    for rank, (axes, place) in enumerate(zip(drawn, order)):
        _slice(axes, answer, place, rank + 1)
    if answer.maps is not None:
        overlay.draw(figure, drawn, answer, order)
    figure.suptitle("\n".join(_title(answer)), fontsize=11)
    figure.supxlabel("\n".join(_footer(answer)), fontsize=8.5, color=POSITIVE if answer.warnings else INK)
    return figure


def _profile(axes, answer, order):
    rows = [row for row in answer.slices() if row[2] is not None]
    position, value = (np.array([row[column] for row in rows]) for column in (1, 2))
    axes.plot(position, value, color=NEGATIVE, lw=1.2, marker="o", ms=3.4)
    empty = [where for _, where, probability, _ in answer.slices() if probability is None]
    if empty:
        label = "empty slices, not scored"
        axes.plot(empty, np.zeros(len(empty)), ls="none", marker="|", color=INK, ms=7, label=label)
    axes.axhline(PAPER_THRESHOLD, color=INK, ls=":", lw=1, label=f"{PAPER_THRESHOLD:g}")
    if answer.threshold is not None:
        label = f"validation threshold, {answer.threshold:.3f}"
        axes.axhline(answer.threshold, color=INK, ls="--", lw=1, label=label)
    _mark(axes, position[order], value[order])
    axes.set(ylim=(-0.04, 1.28), ylabel="slice probability")
    axes.set_xlabel("slice position, patient's inferior to superior (mm)")
    axes.set_yticks(np.linspace(0, 1, 5))
    axes.grid(alpha=0.25, lw=0.6)
    axes.legend(loc="upper right", ncols=4)  # above 1, where no curve can be
    _index_axis(axes, answer)


def _mark(axes, position, value):
    """The numbers of the slices drawn below."""
    axes.plot(position, value, ls="none", marker="o", ms=6, color=POSITIVE, label="slices drawn below")
    style = {"textcoords": "offset points", "ha": "center", "color": POSITIVE, "weight": "bold"}
    near = CLOSE * np.ptp(axes.get_xlim())
    for rank, point in enumerate(zip(position, value, strict=True)):
        under = np.count_nonzero(np.abs(position[:rank] - point[0]) < near)  # neighbours' numbers are stacked
        axes.annotate(str(rank + 1), point, xytext=(0, 6 + 11 * under), **style)


def _index_axis(axes, answer):
    """The slice index along the top: position is linear in it."""
    positions = answer.positions
    if len(positions) < 2:
        return
    start, step = positions[0], positions[1] - positions[0]
    both_ways = (lambda mm: (mm - start) / step, lambda index: start + index * step)
    above = axes.secondary_xaxis("top", functions=both_ways)
    above.set_xlabel(f"slice index {'after alignment' if is_aligned(answer.bag) else 'in the file'}, from 0")
    above.xaxis.set_major_locator(MaxNLocator(integer=True))


def _slice(axes, answer, place, rank):
    index, across, down = answer.bag.source_index[place], *answer.bag.spacing[:2]
    shown = answer.bag.instances[place, ..., 0].astype(np.float32)
    low, high = LEVEL - WIDTH / 2, LEVEL + WIDTH / 2
    axes.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect=float(down / across))
    axes.set(xticks=[], yticks=[])
    probability, position = answer.probability[place], answer.positions[index]
    file = f" (file: {scan_slice(answer.bag, index)})" if is_aligned(answer.bag) else ""
    axes.set_title(f"{rank}: slice {index}{file}, {position:.1f} mm, p = {probability:.3f}", fontsize=10)
    # A bag's columns run to the patient's left and its rows to posterior (preprocessing.orientation).
    for text, x, y, ha, va in (
        ("R", 0.02, 0.5, "left", "center"), ("L", 0.98, 0.5, "right", "center"),
        ("A", 0.5, 0.98, "center", "top"), ("P", 0.5, 0.02, "center", "bottom"),
    ):
        axes.text(x, y, text, ha=ha, va=va, transform=axes.transAxes, color=LETTERS, weight="bold")


def _title(answer):
    called = {True: "positive", False: "negative"}
    (half, at_half), (threshold, at_chosen) = answer.decisions().values()
    said = f"{answer.id}: bag probability {answer.bag_probability:.3f}, {called[at_half]} at {half:g}"
    if threshold is not None:
        said += f", {called[at_chosen]} at the validation threshold {threshold:.3f}"
    count = len(answer.probability)
    drawn = f"below: the {min(TOP, count)} most probable of {count} slices at L{LEVEL:g} W{WIDTH:g} HU"
    if answer.points is not None:
        drawn += f"; crosses: points of bleeding, {len(answer.points)} in the scan"
    return [said, drawn]


def _footer(answer):
    warned = [textwrap.fill(f"WARNING: {text}", LINE) for text in answer.warnings]
    return [*warned, NOTE]
