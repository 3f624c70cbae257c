"""Masks: which pixels of a slide's grid are positive, and what that makes of its tiles."""

import numpy as np
import pytest
from PIL import Image

from preprocessing.slides import truth
from preprocessing.slides.errors import SlideError
from preprocessing.slides.reader import open_slide
from tests.preprocessing.slides.conftest import picture


@pytest.mark.parametrize("mpp", [0.5, 0.25, 0.35])
@pytest.mark.parametrize("times", [1, 4, 8])
def test_cells_count_the_mask_under_the_middle_of_each_pixel(save, mpp, times):
    random = np.random.default_rng(times)
    with open_slide(save("a.tif", picture(203, 301), mpp)) as slide:
        grid = slide.grid()
        drawn = random.random((-(-203 // times), -(-301 // times))) < 0.3
        found = truth.positive_cells(drawn, slide.shape, grid, 16)
        rows, columns = (np.floor((np.arange(side) + 0.5) * grid.scale / times).astype(int) for side in grid.shape)
    full = np.pad(drawn[rows][:, columns], [(0, -side % 16) for side in grid.shape])
    expected = full.reshape(full.shape[0] // 16, 16, -1, 16).sum((1, 3))
    np.testing.assert_array_equal(found, expected)


def test_a_mask_whose_last_row_is_left_out_fits_too(save):
    with open_slide(save("a.tif", picture(203, 301))) as slide:
        found = truth.positive_cells(np.ones((25, 37), bool), slide.shape, slide.grid(), 32)
    assert found.sum() == 203 * 301


def test_tiles_are_positive_from_half_on_and_unknown_below():
    positive = np.array([[0, 0, 128, 0], [0, 0, 0, 0], [1, 0, 127, 0], [0, 0, 0, 0]], np.uint16)
    assert truth.tile_labels(positive, (64, 64), 16, 16).tolist() == [[0, 0, 1, 0], [0] * 4, [-1, 0, -1, 0], [0] * 4]
    assert truth.tile_labels(np.full((2, 2), 128, np.uint16), (32, 32), 32, 16).tolist() == [[1]]


@pytest.mark.parametrize("shape", [(26, 50), (25, 39), (100, 30), (1, 5), (400, 600)])
def test_a_mask_of_another_slide_is_refused(save, shape):
    with open_slide(save("a.tif", picture(203, 301))) as slide:
        with pytest.raises(SlideError, match="mask: its .* are no whole part of 301 x 203"):
            truth.positive_cells(np.ones(shape, bool), slide.shape, slide.grid(), 32)


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "P"])
def test_masks_of_any_grey_are_read(tmp_path, mode):
    values = np.zeros((20, 30), np.uint8)
    values[3, 4] = 1
    image = Image.fromarray(values.astype(np.uint16)) if mode == "I;16" else Image.fromarray(values)
    if mode == "1":
        image = Image.fromarray(values > 0)
    if mode == "P":
        image.putpalette([0, 0, 0] * 256)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(truth.read_mask(tmp_path / "a.png"), values > 0)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_a_mask_that_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(SlideError, match="mask: cannot be read: ") as caught:
        truth.read_mask(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


def test_a_mask_in_colour_is_refused(tmp_path):
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(SlideError, match="one grey value a pixel"):
        truth.read_mask(tmp_path / "a.png")
