"""One scan as a strip: three slices as they came with the brain's outline, then the same three as in its bag.

Both are shown at one scale and about one centre, so that a place of the head lies at the same pixel before and after
and what was cropped is missed. Lesions known to the bag are outlined after.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from preprocessing.orientation import display_to_file
from preprocessing.qc import BRAIN, CELL, GAP, HEIGHT, LESION, NUMBER, OUTSIDE, SHOWN, WIDTH

LEVEL, WIDTH_HU = 40, 80  # the usual brain window
QUALITY = 80  # of the JPEG: 18 to 25 kB a phantom, and no difference from 85 is seen (our decision)
MARGIN = 0.05  # of the head's length, for its outline to stand clear of the edge (our decision)
DRAWN = 127, 0  # a pixel is within the brain where half of it is, of a lesion where any of it is


class Frame(NamedTuple):
    """How an image is laid on a cell of CELL pixels a side.

    Attributes:
        spacing: mm between rows, columns.
        focus: (row, column) of the image that comes to lie at the cell's centre.
        scale: mm a pixel of the cell.
    """

    spacing: tuple
    focus: tuple
    scale: float


def thumbnail(prepared):
    """The strip of a `preprocessing.ct.Prepared` as the bytes of a JPEG, the same at every run.

    The slices stand from the feet to the head, with their numbers; the patient's left is on the right.
    """
    bag = prepared.bag
    source = bag.source_affine.astype(float) @ display_to_file(prepared.axes, bag.source_shape)
    target = bag.transform.astype(float) @ bag.affine
    middle, scale = _zoom(prepared, _spacing(source))
    before, after = [], []
    for index in sorted(prepared.before, reverse=bool(source[2, 2] < 0)):
        column, row, slice_, _ = np.linalg.solve(target, source @ [middle[1], middle[0], index, 1])
        place = int(np.argmin(np.abs(bag.source_index - slice_)))
        before.append(_before(prepared, index, Frame(_spacing(source), middle, scale)))
        after.append(_after(bag, place, Frame(_spacing(target), (row, column), scale)))
    return _jpeg(before, after)


def _zoom(prepared, spacing):
    """((row, column) of the middle, mm a pixel) that show all that is not black or within the brain's outline."""
    seen = np.any([hu > LEVEL - WIDTH_HU / 2 for hu in prepared.before.values()], axis=0)
    if prepared.inside is not None:
        seen |= prepared.inside[list(prepared.before)].any(axis=0)
    if not seen.any():
        seen[:] = True
    ends = [np.flatnonzero(seen.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    sides = [(last + 1 - first) * length for (first, last), length in zip(ends, spacing)]
    return tuple(end.mean() for end in ends), max(sides) * (1 + MARGIN) / CELL


def _spacing(matrix):
    """mm between the rows, columns of what a matrix (4, 4) of (column, row, slice, 1) takes to mm."""
    return tuple(np.linalg.norm(matrix[:3, axis]) for axis in (1, 0))


def _jpeg(before, after):
    strip = Image.new("RGB", (WIDTH, HEIGHT), OUTSIDE)
    for first, cells in ((0, before), (SHOWN * CELL + GAP, after)):
        for place, cell in enumerate(cells):
            strip.paste(cell, (first + place * CELL, 0))
    buffer = io.BytesIO()
    # Colours at full resolution: halved, as is usual, they smear the outlines.
    strip.save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return buffer.getvalue()


def _before(prepared, index, frame):
    cell = _cell(prepared.before[index], frame, index)
    if prepared.inside is not None:
        _outline(cell, prepared.inside[index], frame, DRAWN[0], "inner", BRAIN)
    return cell


def _after(bag, place, frame):
    cell = _cell(bag.instances[place, ..., 0], frame, bag.source_index[place])
    if bag.mask is not None:
        _outline(cell, bag.mask[place] > 0, frame, DRAWN[1], "outer", LESION)
    return cell


def _cell(hu, frame, index):
    """A slice with its number, as an image of CELL pixels a side."""
    grey = np.clip((hu.astype(np.float32) - LEVEL) / WIDTH_HU + 0.5, 0, 1) * 255
    cell = Image.new("RGB", (CELL, CELL), OUTSIDE)
    _lay(grey.astype(np.uint8), frame, cell)
    ImageDraw.Draw(cell).text((3, 1), str(index), fill=NUMBER)
    return cell


def _outline(cell, mask, frame, above, mode, colour):
    from skimage.segmentation import find_boundaries

    laid = Image.new("L", (CELL, CELL))
    _lay(mask.astype(np.uint8) * 255, frame, laid)
    line = find_boundaries(np.asarray(laid) > above, mode=mode)
    cell.paste(colour, None, Image.fromarray(line.astype(np.uint8) * 255))


def _lay(image, frame, cell):
    """Puts what is seen of an image (h, w) uint8 into the cell, in place."""
    (top, bottom, upper, lower), (left, right, near, far) = (
        _seen(*given, frame.scale) for given in zip(image.shape, frame.spacing, frame.focus)
    )
    if top < bottom and left < right:
        size, box = (right - left, bottom - top), (near, upper, far, lower)
        cell.paste(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box), (left, top))


def _seen(length, spacing, focus, scale):
    """Of an axis: first and last pixel of the cell that it covers, and where these lie on the image."""
    pixels = spacing / scale
    start = CELL / 2 - (focus + 0.5) * pixels
    first, last = max(0, round(start)), min(CELL, round(start + length * pixels))
    return first, last, max(0.0, (first - start) / pixels), min(float(length), (last - start) / pixels)
