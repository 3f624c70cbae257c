"""Contact sheet of field phantoms: one field a class, in colours, its name above."""

import math

import numpy as np

from .cohort import draw_field

COLUMNS = 4
# Red, green, blue of every channel of a kind: actin red, tubulin green, DNA blue; cytoplasm red, protein green.
COLOURS = {
    "mechanisms": ((0.15, 0.3, 1.0), (0.0, 0.9, 0.0), (1.0, 0.1, 0.0)),
    "localisation": ((0.75, 0.0, 0.15), (0.15, 1.0, 0.15)),
}
DARK, BRIGHT = 5, 99.7  # percentiles of a channel that are black and full (our decision)
GAMMA = 0.8


def composite(pixels, kind):
    """uint8 (h, w, 3) of uint16 (c, h, w): every channel stretched by itself, in its colour."""
    found = np.zeros((*pixels.shape[1:], 3))
    for plane, colour in zip(pixels, COLOURS[kind]):
        low, high = np.percentile(plane, (DARK, BRIGHT))
        found += np.clip((plane - low) / max(high - low, 1), 0, 1)[..., None] ** GAMMA * colour
    return (np.clip(found, 0, 1) * 255).astype("u1")


def sheet(path, kind="mechanisms", size=(300, 300), scale=1.0, seed=0):
    """Writes a PNG with the first field of every class."""
    from matplotlib.figure import Figure

    pictures = {}
    for index in range(len(COLOURS[kind]) * 60):
        place, field = draw_field(kind, seed, index, size, scale)
        title = " + ".join(place.labels)
        if len(place.labels) == 1 and title not in pictures:
            pictures[title] = composite(field.pixels, kind), len(field.cells)
        if len(pictures) == len(field.classes):
            break
    rows = math.ceil(len(pictures) / COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.4 * rows * size[0] / size[1]), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, (title, (picture, cells)) in zip(axes, sorted(pictures.items())):
        axis.imshow(picture, interpolation="nearest")
        axis.set_title(f"{title}, {cells} cells", fontsize=9)
    figure.savefig(path, dpi=160)
