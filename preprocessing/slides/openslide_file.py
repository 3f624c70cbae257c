"""A slide's levels by OpenSlide."""

import numpy as np

from preprocessing.slides.blocks import joined
from preprocessing.slides.errors import SlideError

BLOCK = 512  # pixels; our decision
WHOLE = 1e-9


def open_file(path):
    """Returns the Levels of a file, or None where OpenSlide does not know its format. Raises SlideError where it does
    and the file is damaged.
    """
    import openslide

    try:
        return Levels(openslide.OpenSlide(str(path)))
    except openslide.OpenSlideUnsupportedFormatError:
        return None
    except openslide.OpenSlideError as error:
        raise SlideError(f"damaged, by OpenSlide: {_line(error)}") from error


class Levels:
    """The levels of an open slide; threads may read at once, as OpenSlide allows.

    Attributes:
        shapes: [(rows, columns)] of each level.
        downsamples: level-0 pixels a pixel of each level.
        properties: {name: text}.
    """

    def __init__(self, slide):
        self._slide = slide
        self.shapes = [(rows, columns) for columns, rows in slide.level_dimensions]
        self.downsamples = tuple(map(float, slide.level_downsamples))
        self.properties = dict(slide.properties)

    def read(self, level, row, column, height, width):
        """Returns uint8 (height, width, 3) of a level, white where there is nothing.

        OpenSlide is asked for places in level-0 pixels. Where a level's downsample is not whole, a level's pixels lie
        between those and it interpolates, so that blocks with fixed corners are read: else a pixel would depend on what
        is read around it.
        """
        if abs(self.downsamples[level] - round(self.downsamples[level])) < WHOLE:
            return self._region(level, row, column, height, width)
        return joined(lambda *corner: self._region(level, *corner, BLOCK, BLOCK), BLOCK, row, column, height, width)

    def close(self):
        """Lets go of the file."""
        self._slide.close()

    def _region(self, level, row, column, height, width):
        import openslide

        corner = tuple(round(place * self.downsamples[level]) for place in (column, row))
        try:
            found = self._slide.read_region(corner, level, (width, height))
        except openslide.OpenSlideError as error:
            raise SlideError(f"damaged, by OpenSlide: {_line(error)}") from error
        return _on_white(np.asarray(found))


def _on_white(rgba):
    clear = rgba[..., 3] < 255
    rgb = rgba[..., :3].copy()
    if clear.any():
        share = rgba[..., 3][clear][:, None].astype(np.uint32)
        rgb[clear] = (rgb[clear] * share + 255 * (255 - share) + 127) // 255
    return rgb


def _line(error):
    return " ".join(str(error).split())
