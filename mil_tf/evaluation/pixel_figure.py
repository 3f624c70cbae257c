"""Tumour maps beside the truth, as in figure 3 of lerousseau2020: a slide with its tumour outlined, and its map."""

from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.special import expit

from mil_tf.evaluation.figures import INK
from mil_tf.evaluation.pixel_cells import read_cells
from mil_tf.evaluation.pixel_choice import RULE, choose_slides
from mil_tf.evaluation.pixel_run import at_cells

NAME = "tumour_maps"
PAIRS, GAP = 2, 0.06  # slides beside one another, and what parts them in widths of one
TRUTH = "#35e0e6"
MAP = "inferno"
GLASS = (0.93, 0.93, 0.93)  # where the map says nothing
TISSUE = (0.86, 0.74, 0.82)  # of a slide whose file is not there
MOST = 1200  # cells a side beyond which a slide is drawn smaller


class View(NamedTuple):
    """A slide to draw: `image` RGB (h, w, 3) in [0, 1], of any resolution; `probability` (R, C), NaN where there is no
    tissue or no answer; `truth` (R, C), the share of each cell that is tumour; `title` lines of text; `cell`, a side in
    micrometres, or None.
    """

    image: np.ndarray
    probability: np.ndarray
    truth: np.ndarray
    title: str
    cell: float | None


def views(pixels, mapped):
    """[View] of the slides that `choose_slides` takes.

    Args:
        pixels: Pixels of the cohort.
        mapped: list of `mil_tf.evaluation.pixel_run.Mapped` that has them.
    """
    by_id = {each.id: each for each in mapped}
    return [_view(by_id[slide.id], slide, pixels) for slide in choose_slides(pixels)]


def _view(mapped, slide, pixels):
    cells = read_cells(mapped.cells)
    probability = np.where(cells.tissue > 0, expit(at_cells(mapped, cells, pixels.map)), np.nan)
    step = -(-max(probability.shape) // MOST)
    image, shares = _image(mapped, cells, step), cells.positive / np.maximum(1, cells.pixels)
    drawn = (each[::step, ::step] for each in (probability, shares))
    return View(image, *drawn, _title(slide), None if mapped.mpp is None else mapped.mpp * cells.cell * step)


def _title(slide):
    where = f", {slide.location}" if slide.location else ""
    tn, fp, fn, tp = slide.tissue
    rates = [f"{name} {part / whole:.2f}" for name, part, whole in
             (("recall", tp, tp + fn), ("specificity", tn, tn + fp)) if whole]
    auc = [] if np.isnan(slide.auc[False]) else [f"AUC {slide.auc[False]:.3f}"]
    return f"{slide.id}{where}\n{', '.join(auc + rates)}"


def _image(mapped, cells, step):
    """The slide at about a pixel a cell, where its file is there, else its tissue."""
    try:
        from preprocessing.slides.reader import open_slide

        with open_slide(mapped.source, mapped.mpp / mapped.scale) as slide:  # as it was read, with --mpp too
            grid = slide.grid(mapped.mpp * cells.cell * step)
            height, width = (round(count * cells.cell * mapped.mpp / grid.mpp) for count in cells.pixels.shape)
            return grid.read(0, 0, height, width) / 255
    except (ImportError, OSError, TypeError, ValueError):  # no slides room, no file, or none that can be read
        share = (cells.tissue / np.maximum(1, cells.pixels))[::step, ::step, None]
        return 1 - share * (1 - np.array(TISSUE))


def pixel_figure(records, threshold):
    """The Figure of [View], with the probability marked from which on a pixel is called tumour.

    Raises:
        ValueError: there is no View.
    """
    if not records:
        raise ValueError("Expected at least one slide to draw. Received: none")
    across, rows = min(PAIRS, len(records)), -(-len(records) // PAIRS)
    figure = Figure(figsize=(5.6 * across + 0.9, 3.1 * rows + 1.1), layout="constrained")
    figure.get_layout_engine().set(hspace=0.08)  # a slide's scale bar stands above the title of the next
    grid = figure.add_gridspec(rows, 3 * across - 1, width_ratios=([1, 1, GAP] * across)[:-1])
    for place, record in enumerate(records):
        row, column = place // across, 3 * (place % across)
        _pair([figure.add_subplot(grid[row, at]) for at in (column, column + 1)], record)
    scale = ScalarMappable(cmap=MAP)
    scale.set_clim(0, 1)
    bar = figure.colorbar(scale, ax=figure.axes, aspect=40, shrink=0.6, pad=0.015, label="probability of tumour")
    bar.ax.axhline(threshold, color=TRUTH, lw=2, path_effects=_rim())
    told = f"true tumour; on the scale: called tumour from {threshold:.3g} on"
    figure.legend(handles=[Line2D([], [], color=TRUTH, lw=1.6, label=told, path_effects=_rim())],
                  loc="outside lower center")
    figure.suptitle(RULE, fontsize=10)
    return figure


def _pair(pair, record):
    """The slide, and its map; the truth is outlined on both."""
    rows, columns = record.probability.shape
    pair[0].imshow(record.image, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5))
    pair[1].imshow(np.broadcast_to(GLASS, (*record.probability.shape, 3)))
    pair[1].imshow(np.ma.masked_invalid(record.probability), cmap=MAP, vmin=0, vmax=1, interpolation="nearest")
    for axes in pair:
        if record.truth.any() and min(record.truth.shape) > 1:
            lines = axes.contour(record.truth, [0.5], colors=TRUTH, linewidths=1.4)
            lines.set_path_effects(_rim())
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    pair[0].set_title(record.title, loc="left", fontsize=9.5)
    if record.cell is not None:
        _scale_bar(pair[0], record)


def _rim():
    return [withStroke(linewidth=2.6, foreground="black")]  # seen on light tissue and on a bright map


def _scale_bar(axes, record):
    """A round length of at most a quarter of the slide, below it."""
    wanted = record.probability.shape[1] * record.cell / 4
    unit = 10 ** np.floor(np.log10(wanted))
    length = max(step * unit for step in (1, 2, 5) if step * unit <= wanted)
    below, end = axes.get_xaxis_transform(), length / record.cell - 0.5
    axes.plot([-0.5, end], [-0.05] * 2, color=INK, lw=2.4, clip_on=False, solid_capstyle="butt", transform=below)
    told = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    axes.annotate(told, (end, -0.05), xycoords=below, xytext=(5, 0), textcoords="offset points", va="center",
                  fontsize=8.5, annotation_clip=False)
    axes.set(xlim=(-0.5, record.probability.shape[1] - 0.5))
