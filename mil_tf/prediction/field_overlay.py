"""Cells of a microscopy field as a picture: the image, its Jacobian map, and regions in the colour of their class."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mil_tf.evaluation.figures import STYLE

DPI = 110
WIDTH = 5.0  # inches a panel; our decision
BRIGHT = 99.7  # percentile of a channel that is drawn white, so that a few bright pixels do not darken all
GAMMA = 0.8  # of channels: cytoplasm is far darker than a nucleus (our decision)
ROOT = 0.5  # of a map, whose peaks are far above the rest of a cell (our decision)
# Blue, green, red: DNA, actin and tubulin, the order of BBBC021, as they are mostly drawn; more channels go round.
COLOURS = ((0.1, 0.3, 1.0), (0.1, 0.9, 0.2), (1.0, 0.2, 0.1), (1.0, 0.9, 0.1))
MAP, OUTLINES = "inferno", "tab20"
LIKELIEST = 3  # classes that have a map of their own


def write_overlay(path, image, jacobian, labels, regions, classes, probabilities, maps=None, title=""):
    """Writes a PNG: image, map, and the regions' outlines, then the maps of the likeliest classes where given.

    Args:
        path: of the PNG.
        image: (h, w, c), fractions.
        jacobian: (h, w), of all classes together.
        labels: int (h, w), a number a region, 0 outside.
        regions: of the labels, [`mil_tf.localization.cell_map.Region`].
        classes: names.
        probabilities: of the image, a class each; those above are in the title and have the maps.
        maps: {index of a class: its Jacobian map (h, w)}; of `likeliest`.
        title: before what the image is said to be.
    """
    with matplotlib.rc_context(STYLE):
        figure = overlay(image, jacobian, labels, regions, classes, probabilities, maps or {}, title)
        figure.savefig(path, dpi=DPI, facecolor="white", format="png", metadata={"Software": None})


def likeliest(probabilities, count=LIKELIEST):
    """Indices of the likeliest classes, the likeliest first."""
    return np.argsort(-np.asarray(probabilities), kind="stable")[:count].tolist()


def overlay(image, jacobian, labels, regions, classes, probabilities, maps, title=""):
    """Returns the Figure; arguments as of `write_overlay`."""
    height, width = np.shape(image)[:2]
    rows = 2 if maps else 1
    columns = max(3, len(maps))
    size = WIDTH * columns, rows * (0.9 * WIDTH * height / width + 0.5) + 0.5
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.set_axis_off()
    composite = composed(image)
    _image(axes[0, 0], composite, "image")
    _map(figure, axes[0, 1], jacobian, "Jacobian map, all classes")
    _regions(axes[0, 2], composite, labels, regions, classes)
    for one, (place, values) in zip(axes[-1], maps.items()):
        _map(figure, one, values, f"{classes[place]}, {probabilities[place]:.3f}")
    figure.suptitle("  ".join([*[title] * bool(title), _said(classes, probabilities)]), fontsize=11)
    return figure


def composed(image):
    """The channels in colours, float (h, w, 3) in [0, 1], each stretched to what it has."""
    image = np.asarray(image, np.float32)
    low = image.min(axis=(0, 1))
    high = np.maximum(np.percentile(image, BRIGHT, axis=(0, 1)), low + np.finfo(np.float32).eps)
    stretched = np.clip((image - low) / (high - low), 0, 1) ** GAMMA
    if image.shape[-1] == 1:
        return np.repeat(stretched, 3, axis=-1)
    colours = [COLOURS[place % len(COLOURS)] for place in range(image.shape[-1])]
    return np.clip(stretched @ np.array(colours, np.float32), 0, 1)


def _image(axes, composite, title):
    axes.imshow(composite, interpolation="nearest")
    axes.set_title(title, fontsize=10)


def _map(figure, axes, values, title):
    """A map, its colours by the root, of which small values are to be seen."""
    scale = matplotlib.colors.PowerNorm(ROOT, 0, max(float(np.max(values)), np.finfo(np.float32).tiny))
    drawn = axes.imshow(values, cmap=MAP, norm=scale, interpolation="nearest")
    figure.colorbar(drawn, ax=axes, shrink=0.7, pad=0.01)
    axes.set_title(title, fontsize=10)


def _regions(axes, composite, labels, regions, classes):
    from skimage.segmentation import find_boundaries

    shown = composite.copy()
    borders = find_boundaries(labels, mode="thick") & (labels > 0)
    colours = np.zeros((labels.max(initial=0) + 1, 3), np.float32)
    for region in regions:
        colours[region.number] = colour_of(region.label)
    shown[borders] = colours[labels[borders]]
    _image(axes, shown, f"{len(regions)} region{'' if len(regions) == 1 else 's'}")
    counts = np.bincount([region.label for region in regions], minlength=len(classes))
    handles = [Line2D([], [], color=colour_of(place), lw=3, label=f"{classes[place]} ({counts[place]})")
               for place in np.argsort(-counts, kind="stable") if counts[place]]
    if handles:
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, fontsize=8)


def colour_of(place):
    """Colour of a class, (3,): the strong ones of the palette first."""
    palette = matplotlib.colormaps[OUTLINES].colors
    order = [*range(0, len(palette), 2), *range(1, len(palette), 2)]
    return palette[order[place % len(palette)]]


def _said(classes, probabilities):
    return ", ".join(f"{classes[place]} {probabilities[place]:.3f}" for place in likeliest(probabilities))
