"""What is seen: slices as PNG files in the windows of CT reading, predictions as outlines."""

import io
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """`centre` and `width` in HU."""

    name: str
    centre: int
    width: int


# Centre and width as radiology reads head CT (Radiopaedia, "Windowing (CT)": brain 40/80, subdural 50 to 100/130 to
# 300, bone 600/2800); stroke 35/35 is our decision within what is used for early infarction (30 to 40/8 to 40).
WINDOWS = {one.name: one for one in (Window("brain", 40, 80), Window("subdural", 75, 215), Window("bone", 600, 2800),
                                     Window("stroke", 35, 35))}
# Light enough to be seen on grey, and told apart by colour-blind eyes (Okabe and Ito 2008, lightened); our decision.
COLOURS = ("#ff9f1c", "#6cc5ff", "#2fe0a5", "#fff05a", "#ff8ad8", "#b79cff", "#ff6b5e", "#c8d64b")


def colour(index):
    """Of the class `index`, counted from 0; with more classes than colours they come again."""
    return COLOURS[index % len(COLOURS)]


def grey(hu, window):
    """HU (h, w) as uint8 grey values of a Window."""
    shares = (hu.astype(np.float32) - window.centre) / window.width + 0.5
    return np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def png(hu, window):
    """The bytes of a PNG file of HU (h, w) in a Window."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(grey(hu, window)).save(buffer, "PNG", compress_level=3)  # fast, little larger than the usual 6
    return buffer.getvalue()


def outlines(prediction):
    """What is drawn of a prediction, uint8 (h, w).

    Returns:
        [{"class": 1 to K, "pixels": how many, "path": the borders between pixels as an SVG path, in pixels from the
        slice's upper left corner}], for the classes that there are.
    """
    ids, pixels = np.unique(prediction[prediction > 0], return_counts=True)
    return [{"class": int(id), "pixels": int(n), "path": _path(prediction == id)} for id, n in zip(ids, pixels)]


def _path(inside):
    padded = np.pad(inside, 1).astype(np.int8)
    across, down = np.diff(padded, axis=0)[:, 1:-1] != 0, np.diff(padded, axis=1)[1:-1] != 0
    level = [f"M{first} {row}H{last}" for row, first, last in _runs(across)]
    upright = [f"M{column} {first}V{last}" for column, first, last in _runs(down.T)]
    return "".join(level + upright)


def _runs(marked):
    """(row, first, behind the last) of what is marked in a row without a gap."""
    steps = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(steps == 1)
    return zip(rows.tolist(), first.tolist(), np.nonzero(steps == -1)[1].tolist())
