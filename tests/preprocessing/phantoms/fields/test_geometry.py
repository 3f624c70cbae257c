"""Outlines: their area, axes and processes; rectangles of pixels that stay on the field."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.geometry import ANGLES, draw_shape, view_around


def rng(seed=0):
    return np.random.default_rng(seed)


def area_of(shape):
    """Square units inside an outline, by its sectors."""
    return np.square(shape.radius).sum() * np.pi / ANGLES


@pytest.mark.parametrize("longer", (1.0, 1.5, 3.0))
def test_an_ellipse_has_the_area_of_its_circle_and_the_axes_asked_for(longer):
    shape = draw_shape(rng(), 5, 7, 20, longer)
    assert area_of(shape) == pytest.approx(np.pi * 400, rel=1e-3)
    assert shape.radius.max() / shape.radius.min() == pytest.approx(longer, rel=1e-3)


def test_the_long_axis_lies_along_the_turn():
    shape = draw_shape(rng(), 0, 0, 20, 2.0, turn=0.7)
    assert shape.radius[: ANGLES // 2].argmax() * 2 * np.pi / ANGLES == pytest.approx(0.7, abs=0.03)


def test_depth_is_the_radius_in_the_middle_and_zero_on_the_rim():
    shape = draw_shape(rng(), 50, 60, 20)
    view = view_around(50, 60, 30, (100, 120), 1.0)
    deep = shape.depth(view)
    assert deep.max() == pytest.approx(20, abs=1)
    assert np.count_nonzero(deep > 0) == pytest.approx(np.pi * 400, rel=0.02)


def test_processes_are_longer_than_the_cell_and_waves_bend_its_outline():
    plain, spiky, wavy = (draw_shape(rng(3), 0, 0, 20, 1.3, *more) for more in ((), (0, 1.0), (0.15,)))
    assert spiky.radius.max() > plain.radius.max() + 8
    assert np.abs(wavy.radius - plain.radius).max() > 1.5
    assert draw_shape(rng(3), 0, 0, 20, 1.3, 3.0).radius.min() >= 6  # however strong the waves are


def test_half_the_scale_shows_the_same_cell_in_half_the_pixels():
    shape = draw_shape(rng(), 40, 40, 25, 1.4, 0.1)
    areas = [np.count_nonzero(shape.depth(view_around(40, 40, 45, (a, a), a / 80)) > 0) for a in (160, 80, 40)]
    assert areas[0] / 4 == pytest.approx(areas[1], rel=0.02) and areas[1] / 4 == pytest.approx(areas[2], rel=0.04)


def test_a_rectangle_is_cut_at_the_fields_edge_and_none_beyond_it():
    view = view_around(2, 118, 10, (100, 120), 1.0)
    assert (view.rows.start, view.columns.stop) == (0, 120)
    assert view.y[0, 0] == 0.5 and view.x[-1] == 119.5
    assert view_around(-30, 50, 10, (100, 120), 1.0) is None


def test_turned_axes_keep_distances():
    view = view_around(20, 20, 10, (40, 40), 1.0)
    along, across = view.turned(20, 20, 1.1)
    np.testing.assert_allclose(np.hypot(along, across), view.polar(20, 20)[0], rtol=1e-5, atol=1e-5)
