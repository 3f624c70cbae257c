"""Files of fields: their types, axes, and what is refused."""

import numpy as np
import pytest

from preprocessing.errors import ScanError
from preprocessing.fields import pixels
from preprocessing.fields.errors import FieldError
from tests.preprocessing.fields.conftest import noise


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_become_fractions_of_their_whole_range(dtype):
    values = np.array([[0, 1, 255, np.iinfo(dtype).max]], dtype)
    found = pixels.fractions(values)
    assert found.dtype == np.float16 and found[0, 0] == 0 and found[0, -1] == 1 and found[0, 1] > 0
    np.testing.assert_allclose(found, values / np.iinfo(dtype).max, rtol=2**-11, atol=2**-25)


def test_fractions_stay_and_other_numbers_are_refused():
    np.testing.assert_array_equal(pixels.fractions(np.float32([[0, 0.25, 1]])), np.float16([[0, 0.25, 1]]))
    for wrong in (np.float32([[0, 1.5]]), np.float32([[-0.1, 1]]), np.float32([[np.nan, 1]]), np.int16([[1, 2]]),
                  np.uint32([[1, 2]]), np.array([[True, False]])):
        with pytest.raises(FieldError, match="Expected .*fractions from 0 to 1. Received: "):
            pixels.fractions(wrong)


@pytest.mark.parametrize("shape, more", [
    ((3, 12, 16), {}), ((3, 12, 16), {"metadata": {"axes": "CYX"}, "imagej": True}), ((3, 12, 16), {"ome": True, "metadata": {"axes": "CYX"}}),
    ((12, 16, 3), {"photometric": "rgb"}), ((12, 16, 3), {"metadata": None}), ((12, 16, 2), {}), ((1, 3, 1, 12, 16), {"metadata": {"axes": "TCZYX"}, "ome": True}),
    ((20, 12, 16), {"ome": True, "metadata": {"axes": "CYX"}}),
])
def test_channels_are_the_last_axis_wherever_the_file_has_them(save, shape, more):
    data = noise(*shape)
    path = save("a.tif", data, **more)
    planes = data.reshape([side for side in shape if side > 1])
    expected = planes if shape[0] == 12 else np.moveaxis(planes, 0, -1)
    np.testing.assert_array_equal(pixels.read(path), expected)
    assert pixels.size(path) == expected.shape


def test_pages_of_one_size_are_channels(save, tmp_path):
    import tifffile

    data = noise(2, 12, 16)
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for page in data:
            file.write(page, photometric="minisblack", contiguous=False, metadata=None)
    np.testing.assert_array_equal(pixels.read(tmp_path / "pages.tif"), np.moveaxis(data, 0, -1))


@pytest.mark.parametrize("shape, dtype", [((12, 16), np.uint8), ((12, 16), np.uint16), ((12, 16, 3), np.uint8), ((12, 16, 3), np.uint16)])
def test_png_keeps_its_bits(save, shape, dtype):
    data = noise(*shape, dtype=dtype)
    path = save("a.png", data)
    found = pixels.read(path)
    assert found.dtype == dtype and pixels.size(path) == found.shape
    np.testing.assert_array_equal(found, data.reshape(12, 16, -1))


def test_a_field_is_its_files_in_order(save):
    planes = [noise(12, 16, seed=seed) for seed in range(3)]
    paths = [save(f"{place}.tif", plane) for place, plane in enumerate(planes)]
    found = pixels.read_field(paths, ["a", "b", "c"])
    np.testing.assert_array_equal(found, pixels.fractions(np.stack(planes, -1)))
    whole = save("whole.tif", np.stack(planes))
    np.testing.assert_array_equal(pixels.read_field([whole], ["a", "b", "c"]), found)


def test_what_is_no_field_is_one_line(save, tmp_path):
    good, small, colours = save("good.tif", noise(12, 16)), save("small.tif", noise(12, 15)), save("rgb.tif", noise(12, 16, 3), photometric="rgb")
    two, deep = save("two.tif", noise(2, 12, 16)), save("deep.tif", noise(2, 3, 12, 16))
    white = save("white.tif", noise(12, 16), photometric="miniswhite")
    jpeg = tmp_path / "a.jpg"
    jpeg.write_bytes(b"\xff\xd8\xff\xe0")
    for paths, reason in [
        ([good, small], "Expected channels of one size. Received: A 12 x 16, B 12 x 15"),
        ([good, colours], "B: Expected one channel a file. Received: 3, of 12 x 16 pixels"),
        ([good, two], "B: Expected one channel a file. Received: 2"), ([good], "Expected 2 channels a file. Received: 1"),
        ([deep], "Expected one plane a channel. Received: axes "), ([good, white], "B: Expected grey values, larger where brighter. Received: MINISWHITE"),
        ([good, jpeg], "B: not an image: neither TIFF nor PNG"), ([good, tmp_path / "gone.tif"], "B: cannot be read: No such file"),
    ]:
        with pytest.raises(FieldError) as refused:
            pixels.read_field(paths, ["A", "B"])
        assert reason in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_without_its_colours_named_is_grey(save, tmp_path):
    path = save("a.tif", noise(12, 16), metadata=None)
    data = bytearray(path.read_bytes())
    tag = data.index(b"\x06\x01\x03\x00")  # photometric interpretation, a short
    data[tag : tag + 2] = b"\xf0\xf0"  # a private tag in its place
    path.write_bytes(data)
    np.testing.assert_array_equal(pixels.read(path)[..., 0], noise(12, 16))


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_whatever_a_file_has_lost_is_a_reason_or_the_field(save, name):
    """Cut and spoiled at random: never another error, and never a line that is two."""
    whole = bytes(save(name, noise(12, 16)).read_bytes())
    random = np.random.default_rng(0)
    outcomes = set()
    for number in range(60):
        data = bytearray(whole[: random.integers(len(whole))] if number % 2 else whole)
        for place in random.integers(0, max(1, len(data)), 4 * (1 - number % 2)):
            data[place] = random.integers(256)
        path = save(name, noise(12, 16))
        path.write_bytes(data)
        try:
            outcomes.add(pixels.read_field([path], ["a"]).shape == (12, 16, 1))
        except ScanError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
        try:
            pixels.size(path)
        except ScanError:
            pass
    assert "refused" in outcomes
