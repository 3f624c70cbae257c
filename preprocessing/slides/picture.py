"""A slide to be looked at: where its tissue was found, and which tiles are in its bag."""

import io

import numpy as np

SIDE_INCHES, DPI = 8.0, 100  # of the longer side; our decision
TISSUE, TILE, TRUTH = "#00a000", "#1060ff", "#e00000"
MICROMETRES_A_MM = 1000


def place(id):
    """The path of a slide's picture below the data set's folder."""
    from preprocessing import qc
    from preprocessing.product import file_name

    return f"{qc.FOLDER}/{file_name(id)}.png"


def drawn(prepared):
    """The bytes of a PNG of a `preprocessing.slides.bag.Prepared` that has a picture."""
    from matplotlib.figure import Figure

    bag, (rows, columns) = prepared.bag, prepared.grid
    scale = SIDE_INCHES / max(rows, columns)
    figure = Figure(figsize=(columns * scale + 1.6, rows * scale + 1.4), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    mm = float(bag.mpp[0]) / MICROMETRES_A_MM
    high, wide = (side * prepared.times * mm for side in prepared.picture.shape[:2])
    axes.imshow(prepared.picture, extent=(0, wide, high, 0), interpolation="antialiased")
    _tiles(axes, bag, mm)
    shown = [_outline(axes, prepared.cells.tissue, prepared.cells, mm, TISSUE, "tissue")]
    if prepared.cells.positive is not None and prepared.cells.positive.any():
        shown.append(_outline(axes, prepared.cells.positive, prepared.cells, mm, TRUTH, "positive, by its mask"))
    _words(axes, figure, bag, shown)
    axes.set(xlim=(0, columns * mm), ylim=(rows * mm, 0), xlabel="millimetres", ylabel="millimetres")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _tiles(axes, bag, mm):
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    side = bag.meta["tile"] * mm
    squares = [Rectangle((column * mm, row * mm), side, side) for row, column in bag.coords.tolist()]
    axes.add_collection(PatchCollection(squares, facecolor="none", edgecolor=TILE, linewidth=0.8, alpha=0.7))


def _outline(axes, counts, cells, mm, colour, name):
    """Draws where most of a cell is; returns (colour, name)."""
    share = np.pad(counts / cells.pixels, 1)  # an outline at the slide's edge is closed there
    middles = [(np.arange(side + 2) - 0.5) * cells.cell * mm for side in counts.shape]
    axes.contour(middles[1], middles[0], share, levels=[0.5], colors=colour, linewidths=1.2)
    return colour, name


def _words(axes, figure, bag, shown):
    from matplotlib.lines import Line2D

    label = {0: "negative", 1: "positive"}.get(int(bag.label[0]), "unlabelled")
    told = f"{label}, {bag.n} tiles of {bag.meta['tile']}, {bag.mpp[0]:.3g} µm a pixel"
    axes.set_title(f"{_short(bag.id)}\n{told}", size=9)
    lines = [Line2D([], [], color=colour, label=name) for colour, name in [*shown, (TILE, "tiles of the bag")]]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8, frameon=False)


def _short(id, longest=60):
    return id if len(id) <= longest else f"{id[: longest - 1]}…"
