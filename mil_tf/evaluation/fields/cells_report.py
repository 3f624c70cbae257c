"""The section of a report on the cells that Jacobian maps find: numbers, how they are made, pictures."""

import base64
import io
from html import escape

from mil_tf.evaluation.fields.cells_found import METHODS, NAMES, RIGHT
from mil_tf.evaluation.page import cell, row, table

PICTURES = 6
SIDE, JPEG = 1240, {"quality": 85, "subsampling": 0}  # pixels across: sharp at the page's width, some 250 kB
MEANING = ("Above: the image; its Jacobian map of all classes; regions in the colour of their class. Below: maps of "
           "the likeliest classes alone.")


def cells_part(score):
    """[HTML] of a FieldScore's CellsFound, [] where there is none."""
    found = score.cells_found
    if found is None:
        return []
    head = f"{score.name}: {found.sample}. Means over images, with 95 % intervals by well."
    rows = [row(NAMES[name], [cell(one if one.k is not None else one._replace(n=None)),
                              f"<td>{_of(name, one, found)}</td>"]) for name, one in found.estimates.items()]
    shown = found.pictures[:PICTURES]
    more = f'<p class="soft">{MEANING} {_where(found, shown)}</p>' if shown else ""
    return ["<h2>Cells found by Jacobian maps</h2>", table(head, ["value", "of"], rows, "numbers"),
            "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in METHODS) + "</ul>", more,
            *(_picture(found.folder / each["file"], each) for each in shown)]


def _of(name, estimate, found):
    """What a number is of, in words."""
    if name == RIGHT:
        return f"{estimate.n:,} regions; {found.unknown:,} more lie on no cell of a known class"
    return f"{estimate.n:,} images"


def _where(found, shown):
    left = len(found.pictures) - len(shown)
    return f"{left} more are in {escape(found.folder.name)}/." if left else ""


def _picture(path, told):
    answer = f"{told['likeliest']}, {float(told['probability']):.3f}"
    said = f"{told['id']}: {told['classes'] or 'no class'}; likeliest {answer}"
    return (f'<figure><img src="{embedded(path)}" alt="{escape(said)}" style="max-width: 100%">'
            f"<figcaption>{escape(said)}</figcaption></figure>")


def embedded(path):
    """A picture as a data URI, made smaller for a page."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as image:
        image = image.convert("RGB")
        image.thumbnail((SIDE, 4 * SIDE), Image.Resampling.LANCZOS)
        image.save(buffer, "jpeg", **JPEG)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
