"""A field to be looked at: its channels as colours over each other, and where its cells are known to be."""

import io

import numpy as np

SIDE_INCHES, DPI = 8.0, 100  # of the longer side; our decision
STRETCH = 1, 99.7  # percentiles of a channel that are shown as black and as full colour; our decision
SAMPLED = 250_000  # pixels that the percentiles are taken of, about; our decision
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "cyan": (0, 1, 1), "magenta": (1, 0, 1),
           "yellow": (1, 1, 0), "grey": (1, 1, 1)}
# Colours that microscopists give these stains.
USUAL = {"dapi": "blue", "hoechst": "blue", "dna": "blue", "nucleus": "blue", "nuclei": "blue", "actin": "red",
         "phalloidin": "red", "rfp": "red", "cytoplasm": "red", "tubulin": "green", "gfp": "green", "protein": "green"}
CELL = "#ffffff"


def place(id):
    """The path of a field's picture below the data set's folder."""
    from preprocessing import qc
    from preprocessing.product import file_name

    return f"{qc.FOLDER}/{file_name(id)}.png"


def drawn(bag, channels, names):
    """The bytes of a PNG of a field's bag.

    Args:
        bag: Bag of a field.
        channels: names of its channels.
        names: of its classes.
    """
    from matplotlib.figure import Figure

    image = bag.instances[0]
    rows, columns = image.shape[:2]
    scale = SIDE_INCHES / max(rows, columns)
    figure = Figure(figsize=(columns * scale + 0.8, rows * scale + 1.3), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(composite(image, [COLOURS[name] for name in colours(channels)]), interpolation="antialiased")
    if bag.points is not None:
        axes.scatter(bag.points[:, 2], bag.points[:, 1], s=14, facecolors="none", edgecolors=CELL, linewidths=0.7)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.tick_params(labelsize=7)
    _words(axes, figure, bag, channels, names)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def colours(channels):
    """Names of COLOURS: the usual one of its stain, else the first that no other has; one alone is grey."""
    if len(channels) == 1:
        return ["grey"]
    usual = [USUAL.get(name.lower()) for name in channels]
    usual = [name if usual.index(name) == index else None for index, name in enumerate(usual)]
    free = iter([name for name in COLOURS if name not in usual])
    return [name or next(free, "grey") for name in usual]


def composite(image, rgb):
    """float32 (h, w, 3), 0 to 1: the sum of an image's (h, w, c) stretched channels in their colours."""
    found = np.zeros((*image.shape[:2], 3), np.float32)
    for plane, colour in zip(np.moveaxis(image, -1, 0), rgb):
        found += _stretched(plane)[..., None] * np.float32(colour)
    return found.clip(0, 1)


def _stretched(plane):
    plane = plane.astype(np.float32)
    step = max(1, int((plane.size / SAMPLED) ** 0.5))
    low, high = np.percentile(plane[::step, ::step], STRETCH)
    return ((plane - low) / max(high - low, 1e-6)).clip(0, 1)


def _words(axes, figure, bag, channels, names):
    from matplotlib.lines import Line2D

    classes = ", ".join(name for name, one in zip(names, bag.label) if one == 1) or "no class"
    treatment = bag.meta.get("treatment")
    axes.set_title(f"{_short(bag.id)}\n{_short(f'{classes}; {treatment}' if treatment else classes)}", size=9)
    lines = [Line2D([], [], color=COLOURS[colour], linewidth=4, label=name)
             for name, colour in zip(channels, colours(channels))]
    if bag.points is not None:
        cells = f"{len(bag.points)} cells"
        lines.append(Line2D([], [], marker="o", linestyle="", color="none", markeredgecolor="black", label=cells))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8, facecolor="0.8")


def _short(text, longest=80):
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
