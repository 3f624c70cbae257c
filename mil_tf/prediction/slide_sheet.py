"""A slide beside itself with its map laid over."""

import os
import textwrap

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from mil_tf.evaluation.figures import INK, POSITIVE, STYLE
from mil_tf.prediction.files import NOTE
from mil_tf.prediction.regions import polygons

COLOURS = "viridis"  # read alike by the colour-blind, and far from the pinks of a slide
# Of the map at 0 and at 1: its dark end is as purple as nuclei, which are not to be taken for it (our decision).
OPAQUE = 0.15, 0.6
EDGE = "#e00000"  # of regions
WIDTH, SHARE = 12.0, 0.44  # inches of the figure; its part that one of the two pictures has
LEAST, MOST = 2.0, 9.0  # inches of a picture's height
BAR = 0.3  # of the slide's width: the scale bar is at most so long
DPI, LINE = 130, 150
MEANING = {"tile": "probability of tumour, of the tile around a position", "position": "probability of tumour"}


def write_overlay(path, answer):
    """Writes the PNG of a SlideAnswer, whole."""
    part = path.with_name(f".part-{path.name}")
    with matplotlib.rc_context(STYLE):
        sheet(answer).savefig(part, dpi=DPI, facecolor="white", format="png", metadata={"Software": None})
    os.replace(part, path)


def sheet(answer):
    """Returns the Figure."""
    rows, columns = answer.slide["grid_shape"]
    high = float(np.clip(WIDTH * SHARE * rows / columns, LEAST, MOST))
    said, warned = _title(answer), [textwrap.fill(f"WARNING: {text}", LINE) for text in answer.warnings]
    lines = sum(text.count("\n") + 1 for text in (said, *warned)) + 1
    figure = Figure(figsize=(WIDTH, high + 0.45 + 0.2 * lines), layout="constrained")
    plain, over = figure.subplots(1, 2)
    for axes in (plain, over):
        _slide(axes, answer)
    _map(over, answer)
    _bar(figure, over, answer)
    _scale(plain, columns * _mm(answer))
    figure.suptitle(said, fontsize=11)
    figure.supxlabel("\n".join([*warned, NOTE]), fontsize=8.5, color=POSITIVE if warned else INK)
    return figure


def _slide(axes, answer):
    rows, columns = answer.slide["grid_shape"]
    mm = _mm(answer)
    high, wide = (side * answer.times * mm for side in answer.picture.shape[:2])
    axes.imshow(answer.picture, extent=(0, wide, high, 0), interpolation="antialiased")
    axes.set(xticks=[], yticks=[], xlim=(0, columns * mm), ylim=(rows * mm, 0))
    axes.spines[:].set_visible(True)


def _map(axes, answer):
    """The map where there is tissue, and the regions' edges."""
    high, wide = (side * answer.stride * _mm(answer) for side in answer.map.shape)
    limits = axes.get_xlim(), axes.get_ylim()
    shown = np.ma.masked_equal(answer.map, 0)
    axes.imshow(shown, cmap=_colours(), vmin=0, vmax=1, extent=(0, wide, high, 0), interpolation="nearest")
    if answer.above.any():
        step = answer.stride * _mm(answer)
        edges = [ring[:, ::-1] * step for region in polygons(answer.above) for ring in region]
        axes.add_collection(LineCollection(edges, colors=EDGE, linewidths=1.0))
    axes.set(xlim=limits[0], ylim=limits[1])


def _bar(figure, axes, answer):
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), _colours()), ax=axes, shrink=0.9, label=MEANING[answer.kind])
    bar.ax.axhline(answer.cut, color=EDGE, lw=1.6)
    bar.ax.set_facecolor("white")


def _colours():
    """As they look over white, in the bar too."""
    shades = matplotlib.colormaps[COLOURS](np.linspace(0, 1, 256))
    shades[:, 3] = np.linspace(*OPAQUE, 256)
    return ListedColormap(shades, name="map")


def _scale(axes, wide):
    """A bar of 1, 2 or 5 times a power of ten millimetres, under the picture."""
    long = nice(BAR * wide)
    line = {"color": INK, "lw": 3, "solid_capstyle": "butt", "clip_on": False}
    axes.plot([0, long / wide], [-0.03, -0.03], transform=axes.transAxes, **line)
    axes.text(long / wide + 0.015, -0.03, f"{long:g} mm", transform=axes.transAxes, va="center", fontsize=9)


def nice(most):
    """The largest of 1, 2 and 5 times a power of ten that is not above `most`."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)))


def _mm(answer):
    """Millimetres a grid pixel."""
    return answer.slide["grid_mpp"] / 1000


def _title(answer):
    called = {True: "positive", False: "negative"}
    (half, at_half), (threshold, at_chosen) = answer.decisions().values()
    said = f"{answer.id}: slide probability {answer.probability:.3f}, {called[at_half]} at {half:g}"
    if threshold is not None:
        said += f", {called[at_chosen]} at the validation threshold {threshold:.3f}"
    inside, tissue = answer.areas()
    return f"{said}\nred: regions of {answer.cut:.3f} and above, with {inside:.3g} of {tissue:.3g} mm² of tissue"
