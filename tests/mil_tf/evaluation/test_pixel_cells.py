"""A map on cells scores every pixel as the map drawn large would, wherever its positions and the cells end."""

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.pixel_cells import Cells, on_cells, read_cells, read_map, slide_pixels


def cells(rows, columns, cell=32, tissue=1.0, positive=0.0):
    down, across = (np.minimum(cell, size - np.arange(0, size, cell)) for size in (rows, columns))
    pixels = np.outer(down, across)
    return Cells(cell, pixels, (pixels * tissue).astype(int), (pixels * positive).astype(int))


def drawn_large(logits, stride, of):
    """The mean of each cell's pixels on the map drawn large by nearest neighbours."""
    large = np.repeat(np.repeat(logits.astype(np.float64), stride, axis=0), stride, axis=1)
    rows, columns = (count * of.cell for count in of.pixels.shape)
    large = large[:rows, :columns]
    found = np.empty(of.pixels.shape)
    for row, column in np.ndindex(found.shape):
        part = large[row * of.cell : (row + 1) * of.cell, column * of.cell : (column + 1) * of.cell]
        found[row, column] = np.nan if np.isnan(part).all() else np.nanmean(part)
    return found


@pytest.mark.parametrize("stride", [8, 16, 24, 32, 48, 64, 100, 128])
@pytest.mark.parametrize("size", [(256, 384), (250, 131), (33, 1)])
def test_a_cell_has_the_mean_of_what_lies_in_it(size, stride):
    rng, of = np.random.default_rng(stride), cells(*size)
    logits = rng.normal(size=[-(-side // stride) for side in size]).astype(np.float32)
    np.testing.assert_allclose(on_cells(logits, stride, of), drawn_large(logits, stride, of), rtol=1e-6)
    logits[rng.random(logits.shape) < 0.3] = np.nan
    np.testing.assert_allclose(on_cells(logits, stride, of), drawn_large(logits, stride, of), rtol=1e-6)


@pytest.mark.parametrize("stride", [32, 64, 96])
def test_positions_that_hold_whole_cells_keep_every_bit(stride):
    of = cells(300, 200)
    logits = np.random.default_rng(0).normal(size=[-(-side // stride) for side in (300, 200)]).astype(np.float32)
    near = np.repeat(np.repeat(logits, stride // 32, axis=0), stride // 32, axis=1)[: of.pixels.shape[0], : of.pixels.shape[1]]
    np.testing.assert_array_equal(on_cells(logits, stride, of).astype(np.float32), near)


def test_the_map_of_another_slide_is_refused():
    with pytest.raises(ValueError, match="map of 8 x 8 cells of 32 pixels. Received: positions of 32 pixels, shape"):
        on_cells(np.zeros((9, 8)), 32, cells(256, 256))


def test_every_pixel_is_counted_once():
    rng, pixels = np.random.default_rng(0), np.full((6, 7), 1024)
    tissue, positive = rng.integers(0, 1025, (2, 6, 7))
    of, logits = Cells(32, pixels, tissue, positive), rng.normal(size=(6, 7))
    logits[rng.random((6, 7)) < 0.3] = np.nan
    found = slide_pixels(of, logits)
    below = found.unanswered + found.background
    assert found.positive.sum() + below[0] == positive.sum()
    assert found.negative.sum() + below[1] == (pixels - positive).sum()
    assert found.positive.sum() + found.negative.sum() + found.unanswered.sum() == tissue.sum()
    assert found.background.sum() == (pixels - tissue).sum() and (found.score == found.score).all()


def test_tumour_is_taken_to_lie_in_tissue():
    def pixels_of(tissue, positive):
        found = slide_pixels(Cells(32, *(np.full((1, 1), count) for count in (1024, tissue, positive))), np.zeros((1, 1)))
        return [int(each) for part in (found.positive, found.negative, found.background) for each in part]

    assert pixels_of(600, 200) == [200, 400, 0, 424]
    assert pixels_of(600, 700) == [600, 0, 100, 324]
    assert pixels_of(0, 700) == [700, 324]


def test_what_is_no_file_of_cells_or_of_a_map_is_named(tmp_path):
    with pytest.raises(TableError, match="a.npz does not exist; expected a file with logit, stride"):
        read_map(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(b"PK broken")
    with pytest.raises(TableError, match="b.npz cannot be read"):
        read_cells(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", pixels=np.ones((2, 2)), cell=32)
    with pytest.raises(TableError, match="missing tissue"):
        read_cells(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", pixels=np.ones((2, 2)), tissue=np.full((2, 2), 2), cell=32)
    with pytest.raises(TableError, match="expected tissue of every cell, at most its pixels"):
        read_cells(tmp_path / "d.npz")
