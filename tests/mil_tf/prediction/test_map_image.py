"""Maps as OME-TIFF, read back."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mil_tf.prediction.map_image import pyramid, tile_colours, write_ome

tifffile = pytest.importorskip("tifffile")


@pytest.mark.parametrize("shape, levels", [((40, 30), 1), ((256, 256), 1), ((300, 701), 3), ((1, 513), 3)])
def test_the_pyramid_reads_back(tmp_path, shape, levels):
    values = np.random.default_rng(0).random(shape, np.float32)
    write_ome(tmp_path / "a.ome.tif", values, 15.968)
    assert [path.name for path in tmp_path.iterdir()] == ["a.ome.tif"]
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert file.is_ome and len(file.series) == 1
        found = [level.asarray() for level in file.series[0].levels]
        assert file.series[0].axes == "YX" and all(page.is_tiled for page in file.pages)
    assert len(found) == levels and all(level.dtype == np.float32 for level in found)
    np.testing.assert_array_equal(found[0], values)
    for one, other in zip(found, pyramid(values), strict=True):
        np.testing.assert_array_equal(one, other)


def test_levels_are_means():
    values = np.random.default_rng(0).random((512, 1024), np.float32)
    for level in pyramid(values)[1:]:
        times = 512 // level.shape[0]
        expected = values.reshape(level.shape[0], times, level.shape[1], times).mean((1, 3))
        np.testing.assert_allclose(level, expected, rtol=1e-5)
    assert [level.shape for level in pyramid(np.zeros((257, 300), np.float32))] == [(257, 300), (129, 150)]


def test_pixels_have_their_size_and_the_first_ones_corner_is_the_slides(tmp_path):
    write_ome(tmp_path / "a.ome.tif", np.zeros((30, 40), np.float32), 15.968)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        root = ElementTree.fromstring(file.ome_metadata)
        across = file.pages[0].tags["XResolution"].value
    (pixels,) = root.iterfind(".//{*}Pixels")
    (plane,) = root.iterfind(".//{*}Plane")
    told = {**pixels.attrib, **plane.attrib}
    for axis in "XY":
        assert float(told[f"PhysicalSize{axis}"]) == 15.968 and told[f"PhysicalSize{axis}Unit"] == "µm"
        assert float(told[f"Position{axis}"]) == 0
    assert (told["SizeX"], told["SizeY"], told["Type"]) == ("40", "30", "float")
    assert 1e4 / (across[0] / across[1]) == pytest.approx(15.968, rel=1e-6)
    (channel,) = root.iterfind(".//{*}Channel")
    assert channel.attrib["Name"] == "tumour probability"


def test_colours_of_the_released_form():
    logits = np.array([[np.nan, 0.0], [50.0, -50.0]], np.float32)
    assert tile_colours(logits).tolist() == [[[0, 0, 0], [127, 0, 255]], [[255, 0, 255], [0, 0, 255]]]
