"""A scanner's own file: CMU-1-Small-Region of OpenSlide's test data, from ../shared/data beside the checkout."""

from pathlib import Path

import numpy as np
import pytest

from preprocessing.slides.bag import prepare
from preprocessing.slides.errors import SlideError
from preprocessing.slides.reader import open_slide
from preprocessing.slides.settings import SlideSettings

REAL = Path(__file__).parents[3].parent / "shared/data/wsi/cmu-1-small-region.svs"
pytestmark = pytest.mark.skipif(not REAL.exists(), reason="shared/data/wsi is not there")


def test_its_resolution_and_grid_are_the_scanners():
    with open_slide(REAL) as slide:
        grid = slide.grid()
        assert (slide.mpp, slide.shape, slide.downsamples) == (0.499, (2967, 2220), (1.0,))
        assert (grid.shape, grid.level, grid.factor, grid.scale) == ((2967, 2220), 0, 1.0, 1.0)
        assert (grid.read(0, 0, 5, 5) < 255).any() and (grid.read(2967, 0, 5, 5) == 255).all()


def test_its_pixels_are_openslides(openslide):
    with open_slide(REAL) as slide, openslide.OpenSlide(str(REAL)) as other:
        ours = slide.grid().read(1000, 700, 300, 200)
        np.testing.assert_array_equal(ours, np.asarray(other.read_region((700, 1000), 0, (200, 300)))[..., :3])


def test_tiles_of_two_corners_are_those_that_were_counted_by_hand():
    """Counted on the picture with the grid drawn over it, 13 rows of 9 tiles: of the lower left 3 x 5, tissue fills two
    thirds of (12, 2) and two fifths of (11, 2), nearly all of seven and nothing of the others' half. The upper right
    3 x 3 is glass with a crumb.
    """
    made = prepare(REAL, SlideSettings(), id="cmu-1", label=1)
    tiles = {divmod(number, 9) for number in made.bag.source_index.tolist()}
    corner = {(row, column) for row, column in tiles if row >= 10 and column <= 4}
    assert corner == {(10, 3), (10, 4), (11, 3), (11, 4), (12, 2), (12, 3), (12, 4)}
    assert not {(row, column) for row, column in tiles if row <= 2 and column >= 6}
    assert made.bag.coords[-1].tolist() == [12 * 224, divmod(int(made.bag.source_index[-1]), 9)[1] * 224]


def test_both_rules_find_its_tissue_and_agree_on_most_of_it():
    found = {rule: prepare(REAL, SlideSettings(tissue=rule), id="a").cells for rule in ("otsu", "released")}
    shares = {rule: made.tissue / made.pixels for rule, made in found.items()}
    for rule, made in found.items():
        assert made.tissue.shape == (93, 70) and 0.3 < made.tissue.sum() / made.pixels.sum() < 0.37, rule
    assert ((shares["otsu"] > 0.5) == (shares["released"] > 0.5)).mean() > 0.95


def test_the_teal_ink_of_its_margin_is_not_tissue():
    with open_slide(REAL) as slide:
        pixels = slide.grid().read(0, 0, 2967, 2220).astype(int)
    made = prepare(REAL, SlideSettings(), id="a").cells
    teal = (pixels[..., 1] - pixels[..., 0] > 40)[: 92 * 32, : 69 * 32].reshape(92, 32, 69, 32).mean((1, 3))
    assert (teal > 0.25).sum() >= 10
    assert made.tissue[:92, :69][teal > 0.25].mean() < 0.5 * 32**2


@pytest.mark.parametrize("length", [0, 3, 8, 100, 10_000, 600_000, 1_275_950, 1_300_000, 1_474_400, 1_900_000])
def test_a_part_of_the_file_is_refused_in_one_line(tmp_path, length):
    path = tmp_path / "a.svs"
    path.write_bytes(REAL.read_bytes()[:length])
    with pytest.raises(SlideError) as caught:
        prepare(path, SlideSettings(mpp=0.5), id="a")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_damage_anywhere_is_a_reason_or_does_no_harm(tmp_path):
    whole, random = REAL.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "a.svs"
    refused = 0
    for turn in range(24):
        data = bytearray(whole)
        start = int(random.integers(0, 1_270_000 if turn % 2 else len(data) - 400))
        data[start : start + 300] = random.integers(0, 256, 300, np.uint8).tobytes()
        path.write_bytes(bytes(data))
        try:
            prepare(path, SlideSettings(), id="a")
        except SlideError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused


def test_a_file_of_another_kind_with_its_first_bytes_is_refused(tmp_path):
    path = tmp_path / "a.svs"
    path.write_bytes(REAL.read_bytes()[:8] + bytes(5000))
    with pytest.raises(SlideError):
        prepare(path, SlideSettings(), id="a")
