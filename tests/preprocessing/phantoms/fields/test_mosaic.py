"""The mosaic: a pixel is of the cell in which it lies deeper; a border is seen from both sides."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.geometry import draw_shape, view_around
from preprocessing.phantoms.fields.mosaic import MARGIN, draw_mosaic

RNG = np.random.default_rng(0)
PAIR = [draw_shape(RNG, 50, x, 20) for x in (40, 70)]


def test_two_cells_that_overlap_meet_in_the_middle():
    mosaic, _ = draw_mosaic(PAIR, (100, 110), 1.0)
    assert (mosaic.owner[50, 22:54] == 0).all() and (mosaic.owner[50, 56:88] == 1).all()
    assert mosaic.owner[5, 5] == -1


def test_the_order_of_cells_changes_their_numbers_only():
    one, other = (draw_mosaic(cells, (100, 110), 1.0)[0] for cells in (PAIR, PAIR[::-1]))
    assert np.array_equal(one.owner, np.array([1, 0, -1])[other.owner])
    for name in ("first", "second"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_border_is_near_at_the_rim_and_at_the_next_cell():
    mosaic, views = draw_mosaic(PAIR, (100, 110), 1.0)
    border = mosaic.border(view_around(50, 55, 200, (100, 110), 1.0))
    assert border[50, 54] == pytest.approx(0, abs=1)  # between both
    assert border[50, 21] == pytest.approx(1, abs=1)  # at the rim
    assert border[50, 40] > 10
    assert mosaic.first.min() == -MARGIN


def test_cells_off_the_field_have_no_view():
    shapes = [*PAIR, draw_shape(RNG, 300, 300, 20)]
    mosaic, views = draw_mosaic(shapes, (100, 110), 1.0)
    assert [view is None for view in views] == [False, False, True]
    assert set(np.unique(mosaic.owner)) == {-1, 0, 1}
