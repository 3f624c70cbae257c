"""Where a slide's resolution is read from, and in which order."""

import pytest

from preprocessing.slides.errors import SlideError
from preprocessing.slides.resolution import resolution

STATED = {"openslide.mpp-x": "0.2527", "openslide.mpp-y": "0.2527"}
POWER = {"openslide.objective-power": "40"}
TAGS = {"tiff.XResolution": "50800", "tiff.YResolution": "50800", "tiff.ResolutionUnit": "inch"}
OME = {"tiff.ImageDescription": '<OME><Pixels PhysicalSizeX="2.5e-4" PhysicalSizeXUnit="mm" PhysicalSizeY="0.25"/></OME>'}


@pytest.mark.parametrize("properties, mpp", [
    ({**STATED, **POWER, **TAGS, **OME}, 0.2527), ({**POWER, **TAGS, **OME}, 0.25), ({**TAGS, **OME}, 0.5), (OME, 0.25),
    ({"openslide.mpp-x": "0,25", "openslide.mpp-y": "0.25"}, 0.25),
    ({"openslide.mpp-x": "0.25", **TAGS}, 0.5), ({"openslide.mpp-x": "0", "openslide.mpp-y": "0", **POWER}, 0.25),
    ({**TAGS, "tiff.ResolutionUnit": "centimeter"}, 10000 / 50800),
])
def test_the_first_that_says_it_is_believed(properties, mpp):
    assert resolution(properties) == pytest.approx(mpp)


@pytest.mark.parametrize("properties", [
    {}, {"openslide.mpp-x": "nan", "openslide.mpp-y": "nan"}, {"openslide.objective-power": ""},
    {**TAGS, "tiff.ResolutionUnit": "none"}, {**TAGS, "tiff.XResolution": "72", "tiff.YResolution": "72"},
    {"tiff.ImageDescription": '<OME PhysicalSizeX="0.25" PhysicalSizeXUnit="pixel" PhysicalSizeY="0.25"/>'},
])
def test_nothing_is_guessed(properties):
    with pytest.raises(SlideError, match="--mpp"):
        resolution(properties)


def test_pixels_that_are_not_square_are_refused():
    with pytest.raises(SlideError, match="not square: 0.25 x 0.5"):
        resolution({"openslide.mpp-x": "0.25", "openslide.mpp-y": "0.5"})
