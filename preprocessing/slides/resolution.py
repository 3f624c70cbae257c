"""Micrometres a pixel of a slide's level 0, from what its file says of itself."""

import math
import re

from preprocessing.slides.errors import SlideError

MICROMETRES = {"inch": 25400.0, "centimeter": 10000.0}  # of TIFF resolution units
OME_MICROMETRES = {"m": 1e6, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "": 1.0}  # OME's default is µm
TIMES_MPP = 10.0  # micrometres a pixel at 1x: 40x is a quarter of a micrometre, 20x half; our reading
SQUARE = 1.1  # the most that one side of a pixel may be longer than the other; our decision, as `grid.NEAR`
LIMITS = 0.01, 1000.0  # micrometres a pixel that are believed; our decision
SCREENS = (72.0, 96.0)  # dots an inch that programs write where they know of no resolution


def resolution(properties):
    """Returns micrometres a pixel: `openslide.mpp-x` and `-y`, else of the objective's power, of the TIFF resolution
    tags, of OME's PhysicalSize.

    Args:
        properties: {name: text} as OpenSlide's.

    Raises:
        SlideError: nothing says it, or pixels are not square.
    """
    for sides in (_stated(properties), _of_power(properties), _of_tags(properties), _of_ome(properties)):
        if sides is not None:
            return _side(*sides)
    raise SlideError("its resolution is not in the file; --mpp gives its micrometres a pixel")


def _side(across, down):
    if not 1 / SQUARE <= across / down <= SQUARE:
        raise SlideError(f"its pixels are not square: {across:g} x {down:g} micrometres; --mpp gives one length")
    return math.sqrt(across * down)


def _stated(properties):
    return _pair(properties.get("openslide.mpp-x"), properties.get("openslide.mpp-y"))


def _of_power(properties):
    power = _number(properties.get("openslide.objective-power"))
    return _pair(TIMES_MPP / power, TIMES_MPP / power) if power else None


def _of_tags(properties):
    dots = _number(properties.get("tiff.XResolution")), _number(properties.get("tiff.YResolution"))
    unit = properties.get("tiff.ResolutionUnit")
    if None in dots or unit not in MICROMETRES or (unit == "inch" and dots[0] in SCREENS):
        return None
    return _pair(*(MICROMETRES[unit] / value for value in dots))


def _of_ome(properties):
    text = properties.get("tiff.ImageDescription", "")
    return _pair(_ome_side(text, "X"), _ome_side(text, "Y")) if "<OME" in text else None


def _ome_side(text, axis):
    """The first image's, which is the slide: labels and thumbnails come after it."""
    size = re.search(rf'\bPhysicalSize{axis}="([^"]*)"', text)
    unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', text)
    number, factor = _number(size and size[1]), OME_MICROMETRES.get(unit[1] if unit else "")
    return None if number is None or factor is None else number * factor


def _pair(across, down):
    sides = _number(across), _number(down)
    return None if None in sides or not all(LIMITS[0] <= side <= LIMITS[1] for side in sides) else sides


def _number(text):
    """A number above 0, or None; comma and point both part the decimals, as scanners write them."""
    try:
        value = float(str(text).replace(",", "."))
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
