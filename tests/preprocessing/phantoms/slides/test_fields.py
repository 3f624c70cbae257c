"""Random fields and cells: the same at a place whatever is asked for beside it."""

import numpy as np
import pytest

from preprocessing.phantoms.slides.fields import JITTER, Cells, edge, enlarge, lattice, sample, sample_at


def points(*lines):
    return np.meshgrid(*(np.asarray(line, "f4") for line in lines), indexing="ij")


@pytest.mark.parametrize("kind", ("cloud", "grain"))
def test_fields_are_centred_and_of_unit_variance(kind):
    assert lattice(kind).mean() == pytest.approx(0, abs=1e-3)
    assert lattice(kind).std() == pytest.approx(1, abs=1e-3)


def test_a_part_of_a_field_is_the_same_as_in_the_whole():
    y, x = np.arange(0, 400, 3.0), np.arange(0, 600, 3.0)
    whole = sample("cloud", y, x, (3.2, 250.7), 90)
    np.testing.assert_allclose(sample("cloud", y[20:50], x[90:], (3.2, 250.7), 90), whole[20:50, 90:], atol=1e-5)


def test_a_field_repeats_after_eight_waves_and_not_before():
    line = np.arange(0, 90, 5.0)
    there = [sample("cloud", line + shift, line, (0, 0), 90) for shift in (0, 8 * 90, 4 * 90)]
    np.testing.assert_allclose(there[1], there[0], atol=1e-4)
    assert np.abs(there[2] - there[0]).max() > 0.3


def test_scattered_points_see_the_same_field_as_a_grid():
    y, x = np.arange(5, 300, 7.0), np.arange(900, 1200, 11.0)
    found = sample_at("grain", *points(y, x), (10, 20), 45)
    np.testing.assert_allclose(found, sample("grain", y, x, (10, 20), 45), atol=2e-3)


def test_cells_are_those_of_a_search_over_all_points():
    cells = Cells(np.random.default_rng(0), 50)
    y, x = points(np.arange(400, 600, 9.0), np.arange(700, 1000, 9.0))
    rows, columns = np.meshgrid(np.arange(4, 16), np.arange(10, 24), indexing="ij")
    table = cells.table[:, rows, columns].reshape(3, -1)
    places = [(a.ravel() + 0.5 + JITTER * (t - 0.5)) * 50 for a, t in zip((rows, columns), table)]
    far = np.hypot(y[..., None] - places[0], x[..., None] - places[1])
    first, border, number = cells.nearest(y, x)
    np.testing.assert_allclose(first, far.min(-1), atol=1e-3)
    np.testing.assert_allclose(number, table[2][far.argmin(-1)])
    nearest = np.sort(far, -1)
    np.testing.assert_allclose(border, (nearest[..., 1] - nearest[..., 0]) / 2, atol=1e-3)


def test_edges_cover_half_of_a_pixel_that_lies_on_them():
    np.testing.assert_allclose(edge(np.array([-9.0, -1, 0, 1, 9]), 4), [0, 0.25, 0.5, 0.75, 1])


def test_a_plane_is_enlarged_exactly():
    rows, columns = np.arange(6.0)[:, None], np.arange(9.0)
    at = np.linspace(0.2, 4.9, 31), np.linspace(0, 8, 17)
    found = enlarge((3 * rows + columns).astype("f4"), *at)
    np.testing.assert_allclose(found, 3 * at[0][:, None] + at[1], atol=1e-5)
