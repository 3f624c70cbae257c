"""Contact sheet of field phantoms: one field a class, in colours, its name above."""

import numpy as np

from .cohort import draw_field

COLUMNS = 4
TITLE = 16  # pixels of height for a name
GAP = 4
MOST = 120  # fields looked through for one of every class
# Red, green, blue of every channel of a kind: DNA blue, tubulin green, actin red; cytoplasm red, protein green.
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


def sheet(kind="mechanisms", size=(300, 300), scale=1.0, seed=0):
    """uint8 (rows, columns, 3): the first field of one label of every class, by their names."""
    tiles = {}
    for index in range(MOST):
        place, field = draw_field(kind, seed, index, size, scale)
        name = place.labels[0]
        if len(place.labels) == 1 and name not in tiles:
            tiles[name] = _titled(composite(field.pixels, kind), f"{name}, {len(field.cells)} cells")
        if len(tiles) == len(field.classes):
            break
    tiles = [tiles[name] for name in sorted(tiles)]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    return np.concatenate([np.concatenate(tiles[k : k + COLUMNS], 1) for k in range(0, len(tiles), COLUMNS)])


def _titled(picture, title):
    from PIL import Image, ImageDraw

    framed = Image.fromarray(np.pad(picture, [(TITLE, GAP), (0, GAP), (0, 0)]))
    ImageDraw.Draw(framed).text((GAP, 2), title, fill="white")
    return np.asarray(framed)
