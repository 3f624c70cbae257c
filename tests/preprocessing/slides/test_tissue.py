"""Where there is tissue: two rules, counted in cells."""

import numpy as np
import pytest

from preprocessing.slides import cells, tissue
from preprocessing.slides.reader import open_slide
from tests.preprocessing.slides.conftest import stained

MPP = 8.0  # of the pictures here, as the rule's own


def scene(rows=120, columns=120):
    """Glass with a block of tissue of 60 x 60."""
    found = np.full((rows, columns, 3), 242, np.uint8)
    found[30:90, 30:90] = 200, 120, 170
    return found


def inner(found, start, stop):
    """A block without its rim, where colours mix."""
    return found[start + 2 : stop - 2, start + 2 : stop - 2]


def test_a_block_of_tissue_is_found_and_nothing_else():
    found = tissue.mask(scene(), MPP)
    assert inner(found, 30, 90).all() and abs(found.sum() - 3600) < 600
    assert not found[:27].any() and not found[93:].any() and not found[:, :27].any() and not found[:, 93:].any()


@pytest.mark.parametrize("colour", [(20, 20, 25), (30, 140, 60), (40, 90, 170), (60, 200, 220)], ids=["black", "green", "blue", "cyan"])
def test_pen_is_not_tissue(colour):
    picture = scene()
    picture[95:115, 20:100] = colour
    found = tissue.mask(picture, MPP)
    assert inner(found, 30, 90).all() and not found[97:113, 22:98].any()


def test_glass_alone_has_no_tissue_and_tissue_alone_no_glass():
    random = np.random.default_rng(0)
    noise = random.integers(-4, 5, (100, 100, 3))
    assert not tissue.mask((np.full((100, 100, 3), 240) + noise).astype(np.uint8), MPP).any()
    assert not tissue.mask(np.full((100, 100, 3), 255, np.uint8), MPP).any()
    assert not tissue.mask(np.zeros((100, 100, 3), np.uint8), MPP).any()
    assert tissue.mask((np.full((100, 100, 3), [200, 120, 170]) + noise).astype(np.uint8), MPP).all()


def test_small_holes_and_islands_are_cleaned_up_and_large_ones_stay():
    picture = scene()
    picture[40:44, 40:44] = picture[60:80, 50:80] = 242
    picture[5:9, 5:9] = picture[100:118, 40:60] = 200, 120, 170
    found = tissue.mask(picture, MPP)
    assert found[40:44, 40:44].all() and not found[63:77, 53:77].any()
    assert not found[5:9, 5:9].any() and found[102:116, 42:58].all()


@pytest.mark.parametrize("saturation, threshold", [
    (np.linspace(0, 0.03, 99), 0.05), (np.linspace(0, 0.9, 99), 0.2), (np.zeros(0), 0.05), (np.full(9, 0.3), 0.05),
])
def test_the_threshold_is_kept_within_limits(saturation, threshold):
    assert tissue.threshold(saturation) == threshold


def test_otsu_parts_pale_stain_from_glass():
    random = np.random.default_rng(0)
    glass, stain = random.normal(0.02, 0.005, 900), random.normal(0.15, 0.01, 300)
    assert 0.05 <= tissue.threshold(np.r_[glass, stain]) < 0.12


@pytest.mark.parametrize("mpp, cell, side", [
    (0.5, 32, 16), (0.499, 32, 16), (0.46, 32, 16), (0.5, 28, 14), (0.5, 8, 8), (0.25, 32, 32), (2.0, 32, 4), (8.0, 32, 1),
    (20.0, 32, 1), (0.5, 1, 1),
])
def test_squares_part_a_cell_and_are_of_about_8_micrometres(mpp, cell, side):
    assert tissue.coarse_side(mpp, cell) == side


@pytest.mark.parametrize("rule", tissue.RULES)
@pytest.mark.parametrize("shape", [(448, 320), (450, 333)])
def test_cells_count_the_pixels_of_the_grid(save, rule, shape):
    with open_slide(save("a.tif", stained(*shape))) as slide:
        grid = slide.grid()
        found, whole = tissue.tissue_cells(grid, 32, rule), cells.counted(grid.shape, 32)
    assert found.shape == whole.shape == tuple(-(-side // 32) for side in shape)
    assert found.dtype == np.uint16 and (found <= whole).all() and whole.sum() == shape[0] * shape[1]
    expected = 0.7 * 0.7 * shape[0] * shape[1]
    assert found.sum() == pytest.approx(expected, rel=0.12)
    assert (found[4:11, 2:7] == 1024).mean() > 0.8 and (found[0] == 0).all()


@pytest.mark.parametrize("pixels", [1, 3 * 32 * 64])
def test_the_released_rule_counts_pixels_that_are_not_white_all_over(save, monkeypatch, pixels):
    monkeypatch.setattr(tissue, "BAND_PIXELS", pixels)
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[0, :7] = 221, 221, 221
    pixels[1, :5] = 221, 220, 255
    pixels[40, 33:35] = 0
    with open_slide(save("a.tif", pixels)) as slide:
        assert tissue.tissue_cells(slide.grid(), 32, "released").tolist() == [[5, 0], [0, 2]]


def test_cells_of_tiles_add_up_and_what_overhangs_is_left_out():
    counts = np.arange(5 * 7).reshape(5, 7).astype(np.uint16)
    found = cells.of_tiles(counts, (5 * 32 - 3, 7 * 32 - 1), 64, 32)
    assert found.tolist() == [[int(counts[r : r + 2, c : c + 2].sum()) for c in (0, 2, 4)] for r in (0, 2)]


def test_cells_are_written_as_they_are(tmp_path):
    made = cells.Cells(32, *(np.full((2, 3), value, np.uint16) for value in (5, 1024, 0)))
    (tmp_path / "a.npz").write_bytes(cells.to_bytes(made))
    again = cells.load(tmp_path / "a.npz")
    assert again.cell == 32
    for name in ("tissue", "pixels", "positive"):
        np.testing.assert_array_equal(getattr(again, name), getattr(made, name))
    (tmp_path / "b.npz").write_bytes(cells.to_bytes(made._replace(positive=None)))
    assert cells.load(tmp_path / "b.npz").positive is None
    assert cells.to_bytes(made) == cells.to_bytes(made)
