"""Slide files: which are opened, and what the others are refused with."""

import numpy as np
import pytest

from preprocessing.slides.reader import SlideError, open_slide
from tests.preprocessing.slides.conftest import picture

PIXELS = picture()


def read(path, mpp=None):
    with open_slide(path, mpp) as slide:
        return slide.grid().read(0, 0, *slide.shape)


@pytest.mark.parametrize("more", [
    {}, {"tile": None, "rowsperstrip": 16}, {"tile": None, "rowsperstrip": 7}, {"tile": None}, {"planarconfig": "separate"},
    {"bigtiff": True}, {"compression": None}, {"predictor": True}, {"tile": (32, 128)}, {"byteorder": ">"},
])
def test_tiff_of_all_kinds_gives_its_pixels(save, more, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    writer = {name: more.pop(name) for name in ("bigtiff", "byteorder") if name in more}
    if not writer:
        path = save("a.tif", PIXELS, **more) if "planarconfig" not in more else save("a.tif", PIXELS.transpose(2, 0, 1), photometric="rgb", **more)
    else:
        path = tmp_path / "a.tif"
        with tifffile.TiffWriter(path, **writer) as file:
            file.write(PIXELS, tile=(64, 64), resolution=(20000, 20000), resolutionunit="CENTIMETER", metadata=None)
    np.testing.assert_array_equal(read(path), PIXELS)


@pytest.mark.parametrize("order", ["YXS", "CYX"])
def test_ome_tiff_says_its_resolution(tmp_path, order):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "a.ome.tif"
    pixels = PIXELS if order == "YXS" else PIXELS.transpose(2, 0, 1)
    facts = {"axes": order, "PhysicalSizeX": 499.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.499, "PhysicalSizeYUnit": "µm"}
    photometric = "rgb" if order == "YXS" else "minisblack"
    tifffile.imwrite(path, pixels, ome=True, metadata=facts, photometric=photometric, tile=(64, 64))
    with open_slide(path) as slide:
        assert slide.mpp == pytest.approx(0.499)
        if order == "YXS":
            np.testing.assert_array_equal(slide.grid().read(0, 0, 200, 300), PIXELS)


def test_sub_files_are_levels(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        facts = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
        file.write(PIXELS, subifds=1, metadata=facts, photometric="rgb", rowsperstrip=8)
        file.write(PIXELS[::2, ::2], subfiletype=1, photometric="rgb", rowsperstrip=8)
    with open_slide(path) as slide:
        assert slide.downsamples == (1, 2)
        np.testing.assert_array_equal(slide.grid().read(0, 0, 100, 150), PIXELS[::2, ::2])


def test_grey_and_see_through_become_colour(save):
    np.testing.assert_array_equal(read(save("a.tif", PIXELS[..., 0], tile=None)), np.repeat(PIXELS[..., :1], 3, -1))
    clear = np.dstack([PIXELS, np.repeat([[0, 255]], 150, 1).repeat(200, 0)]).astype(np.uint8)
    found = read(save("b.tif", clear, tile=None, extrasamples=["unassalpha"], photometric="rgb"))
    assert (found[:, :150] == 255).all()
    np.testing.assert_array_equal(found[:, 150:], PIXELS[:, 150:])


@pytest.mark.parametrize("tile", [(64, 64), None])
def test_the_resolution_given_replaces_the_files(save, tile):
    path = save("a.tif", PIXELS, mpp=None, tile=tile)
    with pytest.raises(SlideError, match="its resolution is not in the file; --mpp gives its micrometres a pixel"):
        open_slide(path)
    with open_slide(path, mpp=0.25) as slide:
        assert slide.mpp == 0.25 and slide.grid().factor == 2
    with open_slide(save("b.tif", PIXELS, 0.5, tile=tile), mpp=0.25) as slide:
        assert slide.mpp == 0.25


@pytest.mark.parametrize("mpp", [0, -1, float("inf"), float("nan")])
def test_a_resolution_that_is_none_is_refused(save, mpp):
    with pytest.raises(SlideError, match="Expected micrometres a pixel above 0"):
        open_slide(save("a.tif", PIXELS), mpp)


@pytest.mark.parametrize("pixels, why", [
    (PIXELS.astype(np.uint16), "8 bits"), (np.zeros((4, 200, 300), np.uint8), "not a colour picture"),
    (np.zeros((200, 300), np.float32), "8 bits"),
])
def test_a_tiff_that_is_no_colour_picture_is_refused(tmp_path, pixels, why):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", pixels[:, None] if len(pixels) == 4 else pixels, photometric="minisblack" if pixels.ndim < 3 or len(pixels) == 4 else "rgb")
    with pytest.raises(SlideError, match=why):
        open_slide(tmp_path / "a.tif", mpp=0.5)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"a text, not a slide\n" * 50, b"\xff\xd8\xff\xe0" + bytes(500), b"II*\0\x08\0\0\0\xff\xff" + bytes(64)])
def test_what_is_no_slide_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.svs"
    path.write_bytes(content)
    with pytest.raises(SlideError) as caught:
        read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) > 10


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SlideError, match="cannot be read: No such file"):
        open_slide(tmp_path / "a.svs")


@pytest.mark.parametrize("tile", [(64, 64), None])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(save, tile, share):
    path = save("a.tif", PIXELS, tile=tile)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(SlideError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
