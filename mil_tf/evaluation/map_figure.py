"""Likelihood maps on slices, with boxes and points, as in figure 2 of nemcek2021; each slice beside its map."""

from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from mil_tf.evaluation.figures import draw, save
from mil_tf.evaluation.gallery import LEVEL, WIDTH
from mil_tf.evaluation.gallery_views import LESION
from mil_tf.localization.located import likelihood, points_of
from mil_tf.localization.peaks import resized
from mil_tf.localization.scoring import inside
from mil_tf.localization.truth import boxes_of

NAME = "maps"
PAIRS, GAP = 2, 0.06  # slices beside one another, and what parts them in widths of one
HIT, FALSE = "#35e0e6", "#ff5a36"  # told apart by shape too, for the colour-blind
OPAQUE = 0.85  # of the map at likelihood 1, so that the slice still shows
MAP = (0.85, 0.2, 0.95)  # the colour that neither grey, boxes nor points have
SHADES = LinearSegmentedColormap.from_list("likelihood", [(*MAP, 0.0), (*MAP, OPAQUE)])
TISSUE = 0.45  # grey, which the scale is shown on as the slices are
SCALE = LinearSegmentedColormap.from_list(
    "likelihood_on_grey", [(TISSUE,) * 3, [TISSUE * (1 - OPAQUE) + OPAQUE * part for part in MAP]]
)


class Shown(NamedTuple):
    """A slice to draw.

    `image` is (h, w) in HU, `likelihood` (h', w') from 0 to 1, `boxes` (k, 4) as y0, x0, y1, x1 in pixels or None where
    they are not known, `points` (m, 2) as row and column, `in_box` whether each lies in one, `title` lines of text.
    """

    image: np.ndarray
    likelihood: np.ndarray
    boxes: np.ndarray | None
    points: np.ndarray
    in_box: np.ndarray
    title: str


def shown(bag, map2d, probability, title, pooling, detector, only_positive=False):
    """The Shown of a slice, its points found as in `mil_tf.localization.tables.write_points`.

    Args:
        bag: `tfrecords.Bag` of one slice, with its instance in HU.
        map2d: the network's map, (h', w').
        probability: of the slice.
        title: lines of text.
        pooling: "max" or "attention".
        detector, only_positive: as of `mil_tf.localization.located.points_of`.
    """
    image, boxes = bag.instances[0, ..., 0], boxes_of(bag)
    points, _ = points_of(map2d, image.shape, probability, detector, only_positive)
    in_box = inside(points, [] if boxes is None else boxes).any(axis=1)
    scaled = likelihood(np.asarray(map2d)[None], [probability], pooling)[0]
    return Shown(image, scaled, boxes, points, in_box, title)


def write_map_figure(folder, records, caption):
    """Writes maps.png and maps.pdf into a folder and returns the Figure.

    Args:
        folder: for the files, such as a run's evaluation/.
        records: list of Shown, at least one.
        caption: how they were chosen, lines of text.
    """
    figure = draw(map_figure, records, caption)
    save(figure, folder, NAME)
    return figure


def map_figure(records, caption):
    """The Figure of `write_map_figure`.

    Raises:
        ValueError: there is no record.
    """
    if not records:
        raise ValueError("Expected at least one slice to draw. Received: none")
    across, rows = min(PAIRS, len(records)), -(-len(records) // PAIRS)
    figure = Figure(figsize=(5.2 * across + 0.8, 2.95 * rows + 1.1), layout="constrained")
    grid = figure.add_gridspec(rows, 3 * across - 1, width_ratios=([1, 1, GAP] * across)[:-1])
    for place, record in enumerate(records):
        row, column = place // across, 3 * (place % across)
        _pair([figure.add_subplot(grid[row, at]) for at in (column, column + 1)], record)
    figure.colorbar(ScalarMappable(cmap=SCALE), ax=figure.axes, aspect=40, shrink=0.6, pad=0.015, label="likelihood")
    figure.legend(handles=_key(), loc="outside lower center", ncols=2 * across)
    figure.suptitle(caption, fontsize=10)
    return figure


def _pair(pair, record):
    """The slice, and the slice below its map."""
    height, width = record.image.shape
    for axes in pair:
        axes.imshow(record.image.astype(np.float32), cmap="gray", vmin=LEVEL - WIDTH / 2, vmax=LEVEL + WIDTH / 2)
        _boxes(axes, record)
        axes.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    pair[1].imshow(resized(record.likelihood, (height, width)), cmap=SHADES, vmin=0, vmax=1)
    for axes in pair:
        _points(axes, record)
    pair[0].set_title(record.title, loc="left", fontsize=9.5)


def _boxes(axes, record):
    boxes = np.empty((0, 4)) if record.boxes is None else record.boxes
    found = inside(record.points, boxes).any(axis=0)
    for (top, left, bottom, right), hit in zip(boxes, found):
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, **_outline(hit)))


def _outline(hit):
    return {"fill": False, "edgecolor": LESION, "lw": 1.4, "ls": "-" if hit else (0, (3, 2))}


def _points(axes, record):
    for hit in (True, False):
        rows, columns = record.points[np.asarray(record.in_box, bool) == hit].T
        # Unclipped, so that one at the border is whole; but then the layout would go wrong by those that are empty.
        axes.plot(columns, rows, clip_on=False, in_layout=False, **_cross(hit))


def _cross(hit):
    rim = [withStroke(linewidth=3.4, foreground="black")]  # a cross on bone or on a map is seen by its rim
    return {"ls": "none", "marker": "+" if hit else "x", "ms": 10 if hit else 8, "mew": 1.8,
            "color": HIT if hit else FALSE, "path_effects": rim}


def _key():
    return [
        Rectangle((0, 0), 1, 1, label="box with a point in it", **_outline(True)),
        Rectangle((0, 0), 1, 1, label="box that is missed", **_outline(False)),
        Line2D([], [], label="point in a box", **_cross(True)),
        Line2D([], [], label="point in no box", **_cross(False)),
    ]
