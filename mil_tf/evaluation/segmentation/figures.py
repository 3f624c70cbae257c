"""Figures of parida2021: box plots of the metrics (figures 2 and 8), outlines on slices (figures 3 to 7)."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from mil_tf.evaluation import figures
from mil_tf.evaluation.figures import INK, NEGATIVE, POSITIVE
from mil_tf.evaluation.gallery import LEVEL, WIDTH, outlines
from mil_tf.evaluation.segmentation.cases import METRICS
from mil_tf.evaluation.segmentation.counts import ANY, MODELS
from mil_tf.evaluation.segmentation.told import NAMES

COLOURS = {"before": NEGATIVE, "after": POSITIVE}
# The paper's colours: truth green, before orange, after red.
ROWS = {"truth": "#35e06a", "before recursion": "#ffa030", "after recursion": "#ff3b30"}
APART, WIDE = 0.2, 0.32  # of a box from its data set's middle, and its width; a data set is 1 wide
SPREAD = 0.09  # of the points about a box's middle
AIR = -300.0  # HU: what is darker is cut away around a head
BARS = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0)  # mm: the longest that is no longer than a third of the narrowest picture


def box_figure(scores, type=ANY):
    """A panel a metric: before and after side by side for every data set, a point a case.

    Boxes are quartiles with the median, whiskers the outermost cases within 1.5 times the box (Tukey).

    Args:
        scores: `mil_tf.evaluation.segmentation.scores.Scores`.
        type: of bleeding, or ANY.

    Raises:
        ValueError: no data set has it.
    """
    parts = [part for part in scores.parts if part.cases.type == type]
    if not parts:
        known = ", ".join(dict.fromkeys(part.cases.type for part in scores.parts))
        raise ValueError(f"Expected `type` to be one of {known}. Received: type={type!r}")
    figure = Figure(figsize=(2.4 + 4 * max(0.9, 0.75 * len(parts)), 4.0), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(METRICS), sharey=True), range(len(METRICS))):
        for place, part in enumerate(parts):
            for model, values in enumerate(part.cases.values[:, metric]):
                _box(axes, place + (APART if model else -APART), values[~np.isnan(values)], COLOURS[MODELS[model]])
        axes.set_title(NAMES[METRICS[metric]])
        axes.set_xticks(range(len(parts)), [f"{p.cases.data_set}\n{len(p.cases.id)}" for p in parts])
        axes.set(xlim=(-0.6, len(parts) - 0.4), ylim=(-0.03, 1.03))
        axes.grid(axis="y", alpha=0.25, lw=0.6)
    figure.axes[0].set_ylabel("value of a case")
    figure.legend(handles=[Patch(facecolor=COLOURS[each], alpha=0.45, edgecolor=COLOURS[each],
                                 label=f"{each} recursion") for each in MODELS],
                  loc="outside lower center", ncols=2)
    what = "" if type == ANY else f", {type}"
    figure.suptitle(f"Below each data set: its cases, each a {scores.unit}{what}", fontsize=10)
    return figure


def _box(axes, at, values, colour):
    if not len(values):
        return
    axes.boxplot(
        [values], positions=[at], widths=WIDE, patch_artist=True, showfliers=False,
        boxprops={"facecolor": matplotlib.colors.to_rgba(colour, 0.3), "edgecolor": colour},
        medianprops={"color": INK, "lw": 1.6}, whiskerprops={"color": colour}, capprops={"color": colour},
        manage_ticks=False,
    )
    # Not by chance: neighbours in value lie apart, so that they do not hide each other.
    side = np.argsort(np.argsort(values, kind="stable")) * 0.618 % 1 * 2 - 1
    axes.plot(at + SPREAD * side, values, ls="none", marker="o", ms=3, mfc=colour, mec="white", mew=0.3, alpha=0.8)


def overlay_figure(slices, truth, before, after, titles, pixels=None):
    """Three rows of outlines, a column a slice: truth, before and after recursion.

    Args:
        slices: list of (h, w) in HU, of any sizes.
        truth, before, after: lists of masks (h, w), 0 for none.
        titles: a text a slice.
        pixels: mm between (rows, columns) of each slice, or None; without, there is no scale bar.

    Raises:
        ValueError: there is no slice, or the lists are of different lengths.
    """
    lists = (slices, truth, before, after, titles, *([] if pixels is None else [pixels]))
    if not len(slices) or len({len(each) for each in lists}) > 1:
        raise ValueError(f"Expected as many of each, at least one. Received: {', '.join(str(len(e)) for e in lists)}")
    figure = Figure(figsize=(2.3 * len(slices) + 0.5, 7.6), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    grid = figure.subplots(len(ROWS), len(slices), squeeze=False)
    for line, (name, colour), masks in zip(grid, ROWS.items(), (truth, before, after)):
        for place, axes in enumerate(line):
            _outlined(axes, slices[place], masks[place], colour, None if pixels is None else pixels[place])
        line[0].set_ylabel(name)
    for axes, title in zip(grid[0], titles):
        axes.set_title(title, fontsize=9)
    if pixels is not None:
        heads = [_head(one) for one in slices]
        narrowest = min((right - left) * pixel[1] for (_, (left, right)), pixel in zip(heads, pixels))
        length = next((each for each in BARS if each <= narrowest / 3), BARS[-1])
        for axes, head, pixel in zip(grid[-1], heads, pixels):
            _bar(axes, head, pixel, length)
    return figure


def _outlined(axes, hu, mask, colour, pixel):
    rows, columns = _head(hu)
    aspect = 1 if pixel is None else pixel[0] / pixel[1]
    axes.imshow(hu, cmap="gray", vmin=LEVEL - WIDTH / 2, vmax=LEVEL + WIDTH / 2, aspect=aspect)
    for line in outlines(np.asarray(mask) > 0):
        axes.plot(*line.T, color=colour, lw=1.3)
    axes.set(xticks=[], yticks=[], xlim=(columns[0] - 0.5, columns[1] - 0.5), ylim=(rows[1] - 0.5, rows[0] - 0.5))
    axes.spines[:].set_visible(False)


def _head(hu):
    """((top, bottom), (left, right)) of what is no air; of the whole slice where all is."""
    there = np.asarray(hu) > AIR
    return tuple((int(at[0]), int(at[-1]) + 1) if len(at) else (0, side) for at, side in
                 zip((np.flatnonzero(there.any(axis=axis)) for axis in (1, 0)), there.shape))


def _bar(axes, head, pixel, length):
    """So many millimetres in the lower left corner."""
    (top, bottom), (left, right) = head
    start, height = left + 0.03 * (right - left), bottom - 0.04 * (bottom - top)
    rim = [withStroke(linewidth=4, foreground="black")]
    axes.plot([start, start + length / pixel[1]], [height] * 2, color="white", lw=2.2, solid_capstyle="butt",
              path_effects=rim)
    axes.text(start, height - 0.02 * (bottom - top), f"{length:g} mm", color="white", fontsize=8, va="bottom",
              path_effects=[withStroke(linewidth=2, foreground="black")])


def save(figure, folder, name):
    """Writes `name`.png, .pdf and .svg into a folder."""
    figures.save(figure, folder, name)
    with matplotlib.rc_context(figures.STYLE):
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
