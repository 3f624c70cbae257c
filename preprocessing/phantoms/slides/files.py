"""Slides to files: a pyramid of JPEG tiles in one TIFF, written while it is drawn, in little memory."""

import io

import numpy as np

TILE = 512  # pixels along each side of a tile; what is drawn at once (our decision)
QUALITY = 90  # of JPEG, as scanners have it (our decision)
SAMPLING = (2, 2)  # pixels a sample of colour, of Pillow's default for JPEG
WRITER = "mil-tf phantoms"


def shapes_of(shape):
    """Sizes (rows, columns) of the pyramid's levels, each half of the one before, until one tile holds it."""
    shapes = [tuple(shape)]
    while max(shapes[-1]) > TILE:
        shapes.append(tuple(-(-n // 2) for n in shapes[-1]))
    return shapes


def write_slide(path, phantom):
    """Writes a SlidePhantom as a tiled TIFF with levels; OpenSlide opens it and knows its resolution.

    The finest level goes to the file as it is drawn; of the others compressed tiles wait in memory.
    """
    import tifffile

    pyramid = Pyramid(phantom.shape)
    resolution = 1e4 / phantom.mpp  # pixels a centimetre
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for level, shape in enumerate(pyramid.shapes):
            tiles = pyramid.finest(_strips(phantom)) if level == 0 else iter(pyramid.tiles[level])
            tiff.write(
                tiles,
                shape=(*shape, 3),
                dtype="uint8",
                tile=(TILE, TILE),
                photometric="ycbcr",
                subsampling=SAMPLING,
                compression="jpeg",
                subfiletype=int(level > 0),
                resolution=(resolution / 2**level, resolution / 2**level),
                resolutionunit="CENTIMETER",
                software=WRITER,
                metadata=None,
            )


def _strips(phantom):
    """The slide in strips of one tile's height, from the top."""
    height, width = phantom.shape
    for top in range(0, height, TILE):
        rows = min(TILE, height - top)
        parts = [phantom.render(top, left, rows, min(TILE, width - left)) for left in range(0, width, TILE)]
        yield np.concatenate(parts, 1)


class Pyramid:
    """Levels of a slide that comes in strips; `tiles[level]` are complete once the last strip has come."""

    def __init__(self, shape):
        self.shapes = shapes_of(shape)
        self.tiles = [[] for _ in self.shapes]
        self.waiting = [[] for _ in self.shapes]
        self.rows = [0 for _ in self.shapes]

    def finest(self, strips):
        """Compressed tiles of the finest level, row by row; fills the other levels on the way."""
        for strip in strips:
            # First, as nobody asks for anything after the last tile.
            self._shrink(1, strip)
            yield from compressed(strip)

    def _shrink(self, level, strip):
        if level == len(self.shapes):
            return
        self.waiting[level].append(halved(strip))
        self.rows[level] += len(self.waiting[level][-1])
        rows = sum(map(len, self.waiting[level]))
        if rows == TILE or self.rows[level] == self.shapes[level][0]:
            strip = np.concatenate(self.waiting[level])
            self.waiting[level] = []
            self.tiles[level].extend(compressed(strip))
            self._shrink(level + 1, strip)


def halved(pixels):
    """Means of 2 x 2 pixels (rows, columns, 3), the last row and column twice where their number is odd."""
    pixels = np.pad(pixels, [(0, n % 2) for n in pixels.shape[:2]] + [(0, 0)], mode="edge")
    total = pixels.reshape(len(pixels) // 2, 2, -1, 2, 3).sum((1, 3), dtype="u2")
    return ((total + 2) // 4).astype("u1")


def compressed(strip):
    """JPEG streams of a strip's tiles, each filled up to a whole tile by its last row and column."""
    from PIL import Image

    for left in range(0, strip.shape[1], TILE):
        part = strip[:, left : left + TILE]
        part = np.pad(part, [(0, TILE - n) for n in part.shape[:2]] + [(0, 0)], mode="edge")
        stream = io.BytesIO()
        Image.fromarray(part).save(stream, "JPEG", quality=QUALITY, subsampling="4:2:0")
        yield stream.getvalue()
