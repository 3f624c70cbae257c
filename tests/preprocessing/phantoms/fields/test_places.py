"""Places: no two cells in one, the first on the field, islands where they are asked for."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from preprocessing.phantoms.fields.places import scatter

SIDES = (400, 600)


def placed(n=60, together=0.5, near=0.8, seed=0, radius=20.0):
    rng = np.random.default_rng(seed)
    return scatter(rng, radius * np.exp(0.1 * rng.standard_normal(n)), SIDES, together, near)


@pytest.mark.parametrize("together", (0.0, 0.5, 1.0))
def test_centres_keep_their_distance(together):
    rng = np.random.default_rng(1)
    radii = rng.uniform(10, 30, 50)
    places = scatter(rng, radii, SIDES, together, 0.8)
    gap = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)) - 0.8 * (radii[:, None] + radii)
    np.fill_diagonal(gap, np.inf)
    assert np.nanmin(gap) > -1e-5


def test_the_first_lies_on_the_field_and_the_others_near_it():
    for seed in range(20):
        places = placed(seed=seed)
        assert (places[0] >= 0).all() and (places[0] <= SIDES).all()
        assert np.nanmin(places) > -40 and (np.nanmax(places, 0) < np.array(SIDES) + 40).all()


def test_cells_that_belong_together_have_nearer_neighbours():
    near = [np.mean([median_gap(placed(30, share, seed=seed)) for seed in range(5)]) for share in (0.0, 1.0)]
    assert near[1] < 0.8 * near[0]


def median_gap(places):
    return np.median(cKDTree(places).query(places, 2)[0][:, 1])


def test_where_is_no_room_cells_are_left_out():
    places = placed(n=300, radius=40.0)
    left = np.isnan(places).all(1)
    assert 20 < np.count_nonzero(~left) < 200
    assert (np.isnan(places).any(1) == left).all()
