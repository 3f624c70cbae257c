"""The gallery of errors as tiles of a page, as a figure for files, and as a table."""

import base64
import io
from html import escape

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mil_tf.evaluation.gallery import KINDS, Gallery, told
from mil_tf.evaluation.gallery_tiles import NOTE
from mil_tf.evaluation.tables import UNKNOWN

LESION = "#ffb000"  # amber, told from every grey
SIDE = 224  # pixels of a tile's longer side at most: sharp at the size it is shown, and some 30 kB (our decision)
JPEG = {"quality": 90, "subsampling": 0}  # of colours, of which a PNG of that side is four times as large
COLUMNS = 6
GALLERY_COLUMNS = ("kind", "id", "patient", "probability", "source_index", "slice_probability", "position_mm",
                   "slice_truth", "lesion_slices")


def gallery_part(gallery: Gallery | str):
    """HTML of a Gallery with its heading, or of the text why there is none."""
    if isinstance(gallery, str):
        return f"<h2>Errors</h2>\n<p>The errors cannot be shown: {escape(gallery)}</p>"
    parts = ["<h2>Errors</h2>", f'<p class="soft">{escape(_introduction(gallery))}{_key(gallery)}</p>']
    for kind, name in KINDS.items():
        tiles = "".join(_tile(error) for error in gallery.of(kind))
        parts.append(f"<h3>{escape(heading(gallery, kind))}</h3>\n" + (f'<div class="tiles">{tiles}</div>' if tiles
                                                                       else f"<p>No {name.lower()}.</p>"))
    return "\n".join(parts)


def heading(gallery, kind):
    """The kind with how many there are and are shown."""
    count, shown = gallery.counts[kind], len(gallery.of(kind))
    return f"{KINDS[kind]}: {count}" + (f", of which the {shown} worst" if shown < count else "")


def _introduction(gallery):
    bag, instance, _ = gallery.nouns
    note = f" {NOTE}" if any(error.tile for error in gallery.shown) else ""
    return (f"{bag.capitalize()}s that {gallery.whose} call wrongly at 0.5, each at its most probable {instance}; the "
            f"worst first. {bag.capitalize()} and {instance} are probabilities. {_windows(gallery)}{note}")


def _windows(gallery):
    return "; ".join(dict.fromkeys(f"Shown at {error.window}." for error in gallery.shown))


def _key(gallery):
    outlined = any(error.outlines for error in gallery.shown)
    return ' <span class="key"></span> outline of the lesion.' if outlined else ""


def _tile(error):
    height, width = error.picture.shape[:2]
    across, down = error.pixel or (1.0, 1.0)
    lines = "".join(f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in line)}" for line in error.outlines)
    outline = f'<path class="lesion" vector-effect="non-scaling-stroke" d="{lines}"/>' if lines else ""
    first, *rest = (escape(line) for line in told(error))
    return (
        f'<figure><svg viewBox="0 0 {width * across:.4g} {height * down:.4g}" role="img" aria-label="{first}">'
        f'<g transform="scale({across:.6g} {down:.6g})"><image width="{width}" height="{height}" '
        f'preserveAspectRatio="none" href="{_data_uri(error.picture)}"/>'
        f'<g transform="translate(.5 .5)">{outline}</g></g>'
        f"</svg><figcaption><b>{first}</b><br>{'<br>'.join(rest)}</figcaption></figure>"
    )


def _data_uri(picture):
    from PIL import Image

    image, buffer = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    kind, how = ("png", {"optimize": True}) if picture.ndim == 2 else ("jpeg", JPEG)
    image.save(buffer, kind, **how)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()


def gallery_figure(gallery, kind):
    """The tiles of a kind as a Figure; all on one axes, which is drawn many times faster than one each."""
    errors = gallery.of(kind)
    columns = max(1, min(COLUMNS, len(errors)))
    rows = max(1, -(-len(errors) // columns))
    figure = Figure(figsize=(1.95 * columns + 0.2, 2.75 * rows + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    for place, error in enumerate(errors):
        _draw(axes, error, place % columns, 1.4 * (place // columns))
    axes.set(xlim=(-0.03, columns + 0.03), ylim=(rows * 1.4, 0), aspect="equal")
    name, _, counted = heading(gallery, kind).partition(": ")
    whose = gallery.whose.rstrip(",")
    figure.suptitle(f"{name} of {whose}, at 0.5: {counted}.\n{_windows(gallery)}", fontsize=9)
    return figure


def _draw(axes, error, left, top):
    height, width = error.picture.shape[:2]
    across, down = error.pixel or (1.0, 1.0)
    scale = 0.96 / max(width * across, height * down)
    step = np.array([across, down]) * scale
    right, bottom = np.array([left + 0.02, top]) + step * (width, height)
    axes.imshow(error.picture, cmap="gray", vmin=0, vmax=255, extent=(left + 0.02, right, bottom, top), aspect="equal")
    lines = [(line + 0.5) * step + (left + 0.02, top) for line in error.outlines]
    axes.add_collection(LineCollection(lines, colors=LESION, linewidths=1))
    axes.text(left + 0.02, top + 1.0, "\n".join(told(error)), va="top", fontsize=6.5)


def gallery_rows(gallery):
    """One row an Error, under GALLERY_COLUMNS."""
    return [[error.kind, error.id, error.patient, error.probability, error.source_index, error.slice_probability,
             error.position, None if error.slice_truth == UNKNOWN else error.slice_truth,
             " ".join(map(str, error.lesion))] for error in gallery.shown]
