"""Slide files -> `Slide`: its levels, its resolution, and its pixels on one grid.

OpenSlide reads what it knows (Aperio, Hamamatsu, Leica, MIRAX, Philips, Ventana, tiled TIFF and more), tifffile the
plain TIFF and OME-TIFF that OpenSlide refuses.
"""

from pathlib import Path

from preprocessing.slides.errors import SlideError
from preprocessing.slides.grid import Grid, on_grid
from preprocessing.slides.resolution import resolution

__all__ = ["Slide", "SlideError", "open_slide"]

WANTED_MPP = 0.5  # 20x by micrometres a pixel = 10 / power, our reading; lerousseau2020 section 3.1 names 20x alone


def open_slide(path, mpp=None):
    """Returns a Slide, to be used as a context or closed.

    Args:
        path: of the file.
        mpp: micrometres a pixel of level 0, instead of what the file says.

    Raises:
        SlideError: the file is no slide, is damaged, or does not tell its resolution and `mpp` does not either.
    """
    if mpp is not None and not 0 < mpp < float("inf"):
        raise SlideError(f"mpp: Expected micrometres a pixel above 0. Received: {mpp}")
    pixels = _opened(Path(path))
    try:
        return Slide(Path(path), pixels, resolution(pixels.properties) if mpp is None else float(mpp))
    except BaseException:
        pixels.close()
        raise


class Slide:
    """An open slide.

    Attributes:
        path: of its file.
        shape: (rows, columns) of level 0.
        mpp: micrometres a pixel of level 0.
        downsamples: level-0 pixels a pixel of each level, a tuple from 1.0 up.
    """

    def __init__(self, path, pixels, mpp):
        self.path, self.mpp, self._pixels = path, mpp, pixels
        self.shape, self.downsamples = pixels.shapes[0], pixels.downsamples

    def grid(self, mpp=WANTED_MPP):
        """Returns the slide as a `preprocessing.slides.grid.Grid` of about `mpp` micrometres a pixel.

        Raises SlideError where the slide is coarser than that.
        """
        return on_grid(self._pixels, self.mpp, mpp)

    def grid_of(self, level, factor):
        """Returns the Grid that reads `level`, `factor` of its pixels a grid pixel, as one that was told of before."""
        if not 0 <= level < len(self.downsamples):
            raise SlideError(f"Expected a level below {len(self.downsamples)}. Received: {level}")
        return Grid(self._pixels, level, float(factor), self.mpp * self.downsamples[level] * factor)

    def close(self):
        """Lets go of the file."""
        self._pixels.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _opened(path):
    """The pixels of a file, by the first library that knows it."""
    from preprocessing.slides import openslide_file, tiff_file

    as_tiff = tiff_file.is_tiff(path)
    known = openslide_file.open_file(path)
    if known is None and as_tiff:
        known = tiff_file.open_file(path)
    if known is None:
        raise SlideError("not a slide: neither OpenSlide nor tifffile knows its format")
    return known
