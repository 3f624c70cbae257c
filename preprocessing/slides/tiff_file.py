"""The levels of plain TIFF and OME-TIFF, tiled or not, by tifffile: only the tiles or strips that a rectangle needs."""

import collections
import contextlib
import logging
import os
import threading

import numpy as np

from preprocessing.slides.blocks import joined
from preprocessing.slides.errors import SlideError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # of TIFF and BigTIFF, in both byte orders
COLOURS = ((1, 1), (1, 3), (1, 4), (3, 1))  # pages a level, samples a pixel: grey, RGB, RGBA, a page a colour
UNITS = {2: "inch", 3: "centimeter"}  # of the TIFF standard
PIECE_BYTES = 1 << 29  # the most that a tile or strip may need at once; our decision
KEPT_BYTES = 1 << 26  # of tiles and strips that are kept, as the next rectangle wants them again; our decision


def open_file(path):
    """Returns the Levels of a TIFF. Raises SlideError where it is damaged or no colour picture of 8 bits."""
    import tifffile

    with contextlib.ExitStack() as opened, _told() as told:
        try:
            file = opened.enter_context(tifffile.TiffFile(path))
            levels = Levels(file) if file.series else None
        except SlideError:
            raise
        except Exception as error:  # of a damaged file, whatever its tags make of the library
            raise SlideError(f"damaged, by tifffile: {_line(error)}") from error
        if levels is None or any("offset" in line for line in told):
            raise SlideError("truncated or damaged: a TIFF with pages that lie beyond its end")
        check_whole(path)
        opened.pop_all()
    return levels


def check_whole(path):
    """Raises SlideError where a TIFF names pixels beyond its end. OpenSlide finds that when it reads them, which may be
    in the midst of training. What is no TIFF, or one that tifffile does not understand, passes.
    """
    import tifffile

    if not is_tiff(path):
        return
    ends = []
    with _told(), contextlib.suppress(Exception), tifffile.TiffFile(path) as file:
        ends = [end for page in file.pages for end in _ends(page)]
    size = os.path.getsize(path)
    if max(ends, default=0) > size:
        raise SlideError(f"truncated: Expected {max(ends)} bytes at least. Received: {size}")


def is_tiff(path):
    """Whether a file begins as a TIFF. Raises SlideError where it cannot be read at all."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in MAGIC
    except OSError as error:
        raise SlideError(f"cannot be read: {error.strerror}") from error


class Levels:
    """The levels of an open TIFF; threads take turns.

    Attributes:
        shapes: [(rows, columns)] of each level.
        downsamples: level-0 pixels a pixel of each level.
        properties: {name: text} as OpenSlide has them.
    """

    def __init__(self, file):
        self._file, self._lock = file, threading.Lock()
        self._kept = collections.OrderedDict()
        self._levels = [_pages(level) for level in file.series[0].levels]
        self.shapes = [(pages[0].imagelength, pages[0].imagewidth) for pages in self._levels]
        self.downsamples = tuple(sum(np.divide(self.shapes[0], shape)) / 2 for shape in self.shapes)  # as OpenSlide's
        self.properties = _properties(self._levels[0][0])

    def read(self, level, row, column, height, width):
        """Returns uint8 (height, width, 3) of a level, white where there is nothing."""
        pages, shape = self._levels[level], self.shapes[level]
        side = _side(pages[0])

        def block(top, left):
            inside = 0 <= top < shape[0] and 0 <= left < shape[1]
            return self._piece(level, top, left)[: shape[0] - top, : shape[1] - left] if inside else None

        with self._lock:
            return joined(block, side, row, column, height, width)

    def close(self):
        """Lets go of the file."""
        self._file.close()

    def _piece(self, level, top, left):
        key = level, top, left
        if key not in self._kept:
            self._kept[key] = self._decoded(self._levels[level], top, left)
            while sum(piece.nbytes for piece in self._kept.values()) > KEPT_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _decoded(self, pages, top, left):
        try:
            planes = [self._plane(page, plane, top, left) for page in pages for plane in range(_planes(page))]
        except Exception as error:  # a damaged tile makes each decoder raise its own
            raise SlideError(f"damaged, by tifffile: {_line(error)}") from error
        found = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=-1)
        return _coloured(found, pages[0])

    def _plane(self, page, plane, top, left):
        """uint8 (h, w, samples) of one tile or strip."""
        down, across = _side(page)
        each = -(-page.imagelength // down) * -(-page.imagewidth // across)
        number = plane * each + top // down * -(-page.imagewidth // across) + left // across
        handle = page.parent.filehandle
        handle.seek(page.dataoffsets[number])
        data = handle.read(page.databytecounts[number])
        found = page.decode(data, number, jpegtables=page.jpegtables)[0]
        if found is None:  # left out of the file: a scanner's empty tile
            return np.full((down, across, 1 if _planes(page) > 1 else page.samplesperpixel), 255, np.uint8)
        return found[0]


@contextlib.contextmanager
def _told():
    """What tifffile would log of a file, as lines: it goes on without pages that it cannot find."""
    logger, lines = logging.getLogger("tifffile"), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _ends(page):
    return map(sum, zip(page.dataoffsets, page.databytecounts))


def _pages(level):
    """The pages of a level: one, or one a colour."""
    import tifffile

    pages = [page.aspage() if isinstance(page, tifffile.TiffFrame) else page for page in level.pages]
    first = pages[0]
    colours = len(pages) * first.samplesperpixel
    if len({page.shape for page in pages}) > 1 or (len(pages), first.samplesperpixel) not in COLOURS:
        raise SlideError(f"not a colour picture: {len(pages)} pages of {first.samplesperpixel} samples a pixel")
    if first.dtype != np.uint8 or first.imagedepth > 1:
        raise SlideError(f"Expected 8 bits a colour. Received: {first.dtype}")
    if first.photometric.name not in ("RGB", "YCBCR", "MINISBLACK", "MINISWHITE"):
        raise SlideError(f"Expected RGB, YCbCr or grey. Received: {first.photometric.name}")
    if np.prod(_side(first)) * colours > PIECE_BYTES:
        raise SlideError("its pixels are one piece too large to hold; write it as a tiled TIFF")
    return pages


def _side(page):
    """Rows and columns of a tile or strip."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _planes(page):
    """How many pieces hold a rectangle: its colours may lie apart."""
    return page.samplesperpixel if page.planarconfig == 2 else 1


def _coloured(found, page):
    if page.photometric.name == "MINISWHITE":
        found = 255 - found
    if found.shape[-1] == 4:
        share = found[..., 3:].astype(np.uint32)
        return ((found[..., :3] * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    return np.repeat(found, 3, axis=-1) if found.shape[-1] == 1 else found


def _properties(page):
    found = {"tiff.ImageDescription": page.description or ""}
    for name in ("XResolution", "YResolution"):
        if name in page.tags and page.tags[name].value[1]:
            found[f"tiff.{name}"] = str(page.tags[name].value[0] / page.tags[name].value[1])
    if "ResolutionUnit" in page.tags:
        found["tiff.ResolutionUnit"] = UNITS.get(int(page.tags["ResolutionUnit"].value), "")
    return found


def _line(error):
    return " ".join(str(error).split()) or type(error).__name__
