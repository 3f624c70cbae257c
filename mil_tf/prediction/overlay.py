"""The heat map and the points of a scan's sheet, over the slices that are drawn there."""

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patheffects import withStroke

from mil_tf.localization.peaks import resized

COLOURS = "autumn"  # red to yellow, told from every grey
OPAQUE = 0.55  # from the middle of the scale up; the slice is to be seen through it (our decision)
GREY = "0.4"  # behind the bar, as a slice lies behind the map
CROSS, EDGE = "#00e5ff", "black"
MEANING = {
    "max": "likelihood of bleeding at a position",
    "attention": "attention to a position, of the slice's\nhighest, times the slice's probability",
}


def draw(figure, drawn, answer, places):
    """Lays heat maps and points over slices that are drawn.

    Args:
        figure: the Figure.
        drawn: its Axes, a slice each.
        answer: an Answer with maps.
        places: of the slices in the bag, as `drawn`.
    """
    colours = _colours()
    for axes, place in zip(drawn, places, strict=True):
        shape = answer.bag.instances.shape[1:3]
        axes.imshow(resized(answer.maps[place], shape), cmap=colours, vmin=0, vmax=1, aspect=axes.get_aspect())
        _crosses(axes, [point for point in answer.points if point.place == place])
    shades = ScalarMappable(Normalize(0, 1), colours)
    bar = figure.colorbar(shades, ax=drawn, location="right", shrink=0.8, pad=0.01, label=MEANING[answer.pooling])
    bar.ax.set_facecolor(GREY)


def _colours():
    """Nothing where the map is 0, so that the bar shows what lies over a slice."""
    shades = matplotlib.colormaps[COLOURS](np.linspace(0, 1, 256))
    shades[:, 3] = OPAQUE * np.clip(np.linspace(0, 2, 256), 0, 1)
    return ListedColormap(shades, name="heat")


def _crosses(axes, points):
    stroke = [withStroke(linewidth=3.2, foreground=EDGE)]
    for point in points:
        axes.plot(point.column, point.row, ls="none", marker="+", ms=11, mew=1.8, color=CROSS, path_effects=stroke)
    axes.set_xlabel(f"{len(points)} point{'' if len(points) == 1 else 's'}", fontsize=9)
