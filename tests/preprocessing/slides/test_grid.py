"""The one pixel grid: which level, which factor, and that a pixel is one pixel."""

import itertools

import numpy as np
import pytest

from preprocessing.slides.reader import SlideError, open_slide
from tests.preprocessing.slides.conftest import picture, reduced

PIXELS = picture()


@pytest.mark.parametrize("mpp, levels, level, factor", [
    (0.5, (), 0, 1), (0.46, (), 0, 1), (0.549, (), 0, 1),  # 20x of several scanners
    (0.25, (), 0, 2), (0.25, (4,), 0, 2), (0.25, (2, 4), 1, 1), (0.2276, (), 0, 2),  # 40x
    (0.35, (), 0, 0.5 / 0.35), (0.125, (2,), 1, 2),
])
def test_the_level_that_fits_is_taken_else_a_finer_one(save, mpp, levels, level, factor):
    with open_slide(save("a.tif", PIXELS, mpp, levels)) as slide:
        grid = slide.grid(0.5)
        assert (grid.level, grid.factor) == (level, pytest.approx(factor))
        assert grid.scale == pytest.approx(slide.downsamples[level] * factor)
        assert grid.mpp == pytest.approx(slide.mpp * grid.scale)
        assert abs(grid.mpp / 0.5 - 1) <= 0.1 + 1e-9
        assert grid.shape == tuple(int(side / grid.scale) for side in slide.shape)


def test_a_level_is_read_as_it_is(save):
    with open_slide(save("a.tif", PIXELS)) as slide:
        np.testing.assert_array_equal(slide.grid().read(0, 0, 200, 300), PIXELS)


def test_a_whole_factor_gives_means_of_boxes(save):
    with open_slide(save("a.tif", PIXELS, 0.25)) as slide:
        np.testing.assert_array_equal(slide.grid().read(0, 0, 100, 150), reduced(PIXELS, 2))


def test_interpolation_of_a_slope_is_the_slope(save):
    slope = np.repeat(np.repeat(np.arange(200, dtype=np.uint8)[:, None, None], 300, 1), 3, 2)
    with open_slide(save("a.tif", slope, 0.35)) as slide:
        grid = slide.grid()
        middles = (np.arange(grid.shape[0]) + 0.5) * grid.factor - 0.5
        read = grid.read(0, 0, *grid.shape)
    assert np.abs(read - middles[:, None, None]).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("mpp, levels", [(0.5, ()), (0.25, ()), (0.35, ()), (0.2, ()), (0.17, (2,)), (0.167, (3,))])
def test_a_pixel_does_not_depend_on_what_it_is_read_with(save, mpp, levels, monkeypatch):
    path = save("a.tif", picture(211, 317), mpp, levels)
    random = np.random.default_rng(1)
    with open_slide(path) as slide:
        grid = slide.grid()
        around = 7
        whole = grid.read(-around, -around, grid.shape[0] + 2 * around, grid.shape[1] + 2 * around)
        monkeypatch.setattr("preprocessing.slides.grid.BAND_PIXELS", 3000)
        for _ in range(20):
            row, column = (int(random.integers(-around, side)) for side in grid.shape)
            height, width = (int(random.integers(1, side + around - start + 1)) for side, start in zip(grid.shape, (row, column)))
            part = grid.read(row, column, height, width)
            top, left = row + around, column + around
            np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])


def test_levels_between_pixels_are_read_in_blocks(save, monkeypatch):
    """301 columns against 75: a pixel of level 1 is no whole number of those of level 0."""
    monkeypatch.setattr("preprocessing.slides.openslide_file.BLOCK", 32)
    pixels = picture(203, 301)
    with open_slide(save("a.tif", pixels, 0.125, (4,))) as slide:
        assert slide.downsamples[1] != 4
        grid = slide.grid()
        whole = grid.read(0, 0, *grid.shape)
        for row, column in itertools.product((0, 5, 31), (0, 9, 33)):
            np.testing.assert_array_equal(grid.read(row, column, 10, 12), whole[row : row + 10, column : column + 12])
        assert np.abs(whole[:20, :20].astype(int) - reduced(pixels, 4)[:20, :20]).max() <= 2


@pytest.mark.parametrize("mpp", [0.5, 0.25, 0.35])
def test_outside_is_white(save, mpp):
    with open_slide(save("a.tif", np.zeros((200, 300, 3), np.uint8), mpp)) as slide:
        grid = slide.grid()
        rows, columns = grid.shape
        assert (grid.read(rows, 0, 5, 5) == 255).all() and (grid.read(-9, -9, 4, 4) == 255).all()
        corner = grid.read(rows - 2, columns - 2, 4, 4)
        assert (corner[:2, :2] == 0).all() and (corner[2:] == 255).all() and (corner[:, 2:] == 255).all()


@pytest.mark.parametrize("mpp", [0.56, 2])
def test_a_coarser_slide_is_refused(save, mpp):
    with open_slide(save("a.tif", PIXELS, mpp)) as slide:
        with pytest.raises(SlideError, match=f"too coarse: Expected 0.5 micrometres a pixel or finer. Received: {mpp}"):
            slide.grid()


@pytest.mark.parametrize("mpp, levels", [(0.5, ()), (0.5, (4,)), (0.25, (4,)), (0.35, ())])
def test_a_coarse_grid_covers_the_fine_one(save, mpp, levels):
    smooth = np.repeat(np.repeat(picture(4, 5), 50, 0), 60, 1)  # any way of averaging gives about the same
    with open_slide(save("a.tif", smooth, mpp, levels)) as slide:
        grid = slide.grid()
        coarse = grid.coarse(8)
        assert coarse.shape == tuple(-(-side // 8) for side in grid.shape)
        assert coarse.scale == pytest.approx(8 * grid.scale) and coarse.mpp == pytest.approx(8 * grid.mpp)
        inside = tuple(side // 8 for side in grid.shape)
        wanted = reduced(grid.read(0, 0, *grid.shape), 8).astype(int)
        assert np.abs(coarse.read(0, 0, *inside) - wanted).mean() < 12
