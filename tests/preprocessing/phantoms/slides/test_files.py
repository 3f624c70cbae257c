"""Files: levels that halve, tiles that OpenSlide reads back, the resolution in the properties."""

import numpy as np
import pytest

from preprocessing.phantoms.slides.files import TILE, Pyramid, halved, shapes_of, write_slide


class Picture:
    """Anything that can be drawn by rectangles; here a smooth one, which JPEG keeps."""

    def __init__(self, shape, mpp=0.5):
        self.shape, self.mpp = shape, mpp

    def render(self, top, left, height, width):
        row, column = np.mgrid[top : top + height, left : left + width]
        return np.stack([60 + row * 0.1, 80 + column * 0.1, 250 - row * 0.05 - column * 0.05], -1).astype("u1")


@pytest.mark.parametrize("shape, levels", [((512, 300), 1), ((513, 100), 2), ((1300, 900), 3)])
def test_levels_halve_until_one_tile_holds_the_slide(shape, levels):
    shapes = shapes_of(shape)
    assert len(shapes) == levels and max(shapes[-1]) <= TILE
    for fine, coarse in zip(shapes, shapes[1:]):
        assert coarse == tuple(-(-n // 2) for n in fine)


def test_halving_means_two_by_two_pixels():
    pixels = np.arange(2 * 3 * 3).reshape(2, 3, 3).astype("u1")
    assert halved(pixels)[0, 0].tolist() == [6, 7, 8]  # of 0, 3, 9, 12 and so on
    assert halved(pixels).shape == (1, 2, 3)


@pytest.mark.parametrize("shape", [(1300, 900), (512, 1024), (1025, 1537)])
def test_every_level_has_all_its_tiles(shape):
    pyramid = Pyramid(shape)
    strips = (Picture(shape).render(top, 0, min(TILE, shape[0] - top), shape[1]) for top in range(0, shape[0], TILE))
    found = [len(list(pyramid.finest(strips))), *(len(tiles) for tiles in pyramid.tiles[1:])]
    assert found == [-(-rows // TILE) * -(-columns // TILE) for rows, columns in pyramid.shapes]


def test_openslide_reads_what_was_drawn(tmp_path):
    openslide = pytest.importorskip("openslide")
    picture = Picture((1300, 900), 0.4)
    write_slide(tmp_path / "x.tif", picture)
    with openslide.OpenSlide(tmp_path / "x.tif") as slide:
        assert slide.level_dimensions == ((900, 1300), (450, 650), (225, 325))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.4)
        assert float(slide.properties["openslide.mpp-y"]) == pytest.approx(0.4)
        drawn = picture.render(0, 0, *picture.shape)
        for level, (width, height) in enumerate(slide.level_dimensions):
            found = np.asarray(slide.read_region((0, 0), level, (width, height)))[..., :3].astype(int)
            assert np.abs(found - drawn).max() <= 6
            drawn = halved(drawn)
