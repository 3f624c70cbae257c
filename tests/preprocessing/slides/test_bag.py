"""A slide as a bag of tiles."""

import numpy as np
import pytest

from preprocessing.slides import bag, cells, picture
from preprocessing.slides.errors import SlideError
from preprocessing.slides.reader import open_slide
from preprocessing.slides.settings import SlideSettings
from tests.preprocessing.slides.conftest import stained

SMALL = SlideSettings(tile=32, cell=16, tissue="released")


def prepare(path, settings=SMALL, **given):
    return bag.prepare(path, settings, **{"id": "a", "label": 1, **given})


@pytest.mark.parametrize("mpp", [0.5, 0.25, 0.35])
def test_tiles_lie_on_a_grid_and_say_where(save, mpp):
    path = save("a.tif", stained(450, 330), mpp)
    made = prepare(path, pixels=True).bag
    rows, columns = made.meta["grid"]
    assert (made.coords % 32 == 0).all()
    assert (made.coords[:, 0] + 32 <= rows).all() and (made.coords[:, 1] + 32 <= columns).all()
    across = columns // 32
    np.testing.assert_array_equal(made.source_index, made.coords[:, 0] // 32 * across + made.coords[:, 1] // 32)
    assert (np.diff(made.source_index) > 0).all()
    with open_slide(path) as slide:
        grid = slide.grid()
        for (row, column), tile in zip(made.coords.tolist(), made.instances):
            np.testing.assert_array_equal(grid.read(row, column, 32, 32), tile)
        assert (made.level[0], made.mpp[0]) == (grid.level, pytest.approx(grid.mpp))
        assert (made.meta["scale"], made.meta["factor"]) == (grid.scale, grid.factor)


@pytest.mark.parametrize("rule, least", [("otsu", 0.5), ("released", 0.25)])
def test_a_tile_belongs_to_the_bag_where_enough_of_it_is_tissue(save, rule, least):
    settings = SlideSettings(tile=32, cell=16, tissue=rule)
    made = prepare(save("a.tif", stained(450, 330)), settings)
    shares = cells.of_tiles(made.cells.tissue, (450, 330), 32, 16).ravel() / 32**2
    chosen = np.zeros(len(shares), bool)
    chosen[made.bag.source_index] = True
    assert (shares[chosen] >= least).all() and (shares[~chosen] < least).all() and 0 < chosen.sum() < len(chosen)


def test_a_tile_that_is_white_to_75_percent_is_taken_and_one_that_is_more_is_not(save):
    pixels = np.full((32, 64, 3), 255, np.uint8)
    pixels[:8, :32] = pixels[:8, 32:] = 0
    pixels[0, 32] = 221
    assert prepare(save("a.tif", pixels)).bag.coords.tolist() == [[0, 0]]


def test_bags_without_pixels_say_where_they_are(save, tmp_path, monkeypatch):
    path = save("a.tif", stained())
    monkeypatch.chdir(tmp_path)
    made = prepare("a.tif", meta={"location": "kidney"}, patient="p").bag
    assert made.instances is None and made.source_path == str(path)
    assert made.meta["location"] == "kidney" and made.meta["bytes"] == path.stat().st_size
    assert made.patient == "p" and made.label.tolist() == [1] and made.instance_label is None


def test_truth_of_tiles_is_that_of_the_mask(save, tmp_path):
    from PIL import Image

    drawn = np.zeros((100, 150), np.uint8)
    drawn[24:100, 20:75] = 255
    Image.fromarray(drawn).save(tmp_path / "a.png")
    made = prepare(save("a.tif", stained()), mask=tmp_path / "a.png", truth=True)
    full = np.repeat(np.repeat(drawn > 0, 2, 0), 2, 1)
    assert made.cells.positive.sum() == full.sum()
    for (row, column), label in zip(made.bag.coords.tolist(), made.bag.instance_label[:, 0]):
        share = full[row : row + 32, column : column + 32].mean()
        assert label == (1 if share >= 0.5 else 0 if share == 0 else -1)
    assert set(made.bag.instance_label.ravel()) == {0, 1, -1}


def test_a_negative_slide_has_no_positive_pixel_where_truth_is_known(save):
    path = save("a.tif", stained())
    made = prepare(path, label=0, truth=True)
    assert (made.bag.instance_label == 0).all() and not made.cells.positive.any()
    assert prepare(path, label=1, truth=True).bag.instance_label is None
    assert prepare(path, label=0).cells.positive is None


def test_a_mask_that_contradicts_the_label_is_refused(save, tmp_path):
    from PIL import Image

    Image.fromarray(np.full((200, 300), 255, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(SlideError, match="mask: it marks positive pixels, and the slide's label is 0"):
        prepare(save("a.tif", stained()), label=0, mask=tmp_path / "a.png")


@pytest.mark.parametrize("pixels, settings, why", [
    (np.full((200, 300, 3), 255, np.uint8), SMALL, "no tissue: no tile of 32 pixels has enough, by --tissue released"),
    (stained(20, 300), SMALL, "smaller than a tile: 300 x 20 pixels at 0.5 micrometres a pixel"),
    (stained(), SlideSettings(tile=32, cell=16, target_mpp=0.25), "too coarse: Expected 0.25"),
])
def test_a_slide_without_a_tile_is_refused(save, pixels, settings, why):
    with pytest.raises(SlideError, match=why):
        prepare(save("a.tif", pixels), settings)


def test_a_slide_that_is_gone_is_refused(tmp_path):
    with pytest.raises(SlideError, match="cannot be read: No such file or directory"):
        prepare(tmp_path / "a.svs")


def test_a_slide_too_large_for_a_record_is_refused(save, monkeypatch):
    monkeypatch.setattr(bag, "LARGEST", 5000)
    path = save("a.tif", stained())
    with pytest.raises(SlideError, match="too many tiles for --materialise"):
        prepare(path, pixels=True)
    assert prepare(path).bag.n > 2


@pytest.mark.parametrize("mpp", [0.5, 0.35])
def test_the_picture_is_the_slide_made_small(save, mpp, monkeypatch):
    monkeypatch.setattr(bag, "SHOWN_PIXELS", 60)
    made = prepare(save("a.tif", stained(), mpp), picture=True)
    assert max(made.picture.shape) <= 60 and made.times == -(-max(made.grid) // 60)
    data = picture.drawn(made)
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and picture.drawn(made) == data


@pytest.mark.parametrize("values, why", [
    ({"tile": 0}, "--tile: Expected a whole number"), ({"cell": 33}, "--cell: Expected a number that divides the tile, 224"),
    ({"tile": 512, "cell": 256}, "--cell: Expected a whole number of 1 to 255"), ({"tissue": "x"}, "--tissue: Expected one of otsu, released"),
    ({"target_mpp": -1.0}, "--target-mpp: Expected a number above 0"), ({"mpp": float("nan")}, "--mpp: Expected a number above 0"),
])
def test_settings_that_cannot_be_are_refused(values, why):
    from preprocessing.errors import UsageError

    with pytest.raises(UsageError, match=why):
        SlideSettings(**values)


def test_settings_are_kept_as_they_are():
    assert SlideSettings.from_dict(SMALL.to_dict()) == SMALL
    assert len({SMALL.hash(), SlideSettings().hash(), SlideSettings(mpp=0.5).hash()}) == 3
