"""Polygons of regions: read back and filled, they are the mask."""

import json

import numpy as np
import pytest
from matplotlib.path import Path
from scipy import ndimage

from mil_tf.prediction.regions import feature_collection, polygons


def filled(geojson, scale, cells):
    """How many polygons cover the middle of each position, by the even-odd rule over each one's rings."""
    rows, columns = np.indices(cells)
    middles = np.stack([(columns.ravel() + 0.5) * scale, (rows.ravel() + 0.5) * scale], axis=1)
    found = np.zeros(cells, int)
    for feature in geojson["features"]:
        rings = [Path(np.array(ring, float)).contains_points(middles) for ring in feature["geometry"]["coordinates"]]
        found += (np.sum(rings, axis=0) % 2).reshape(cells)
    return found


def masks():
    rng = np.random.default_rng(0)
    yield from (rng.random((rows, columns)) < share for rows, columns in ((9, 13), (1, 20), (30, 30)) for share in (0.1, 0.4, 0.6, 0.9))
    yield ndimage.gaussian_filter(rng.normal(size=(60, 80)), 3) > 0
    ring = np.zeros((7, 7), bool)
    ring[1:6, 1:6], ring[2, 2], ring[3, 3], ring[4, 4], ring[1, 1] = True, False, False, False, False
    yield ring


@pytest.mark.parametrize("mask", list(masks()))
@pytest.mark.parametrize("scale", [1, 32, 15.97])
def test_read_back_and_filled_the_polygons_are_the_mask(mask, scale):
    shape = tuple(np.ceil(np.array(mask.shape) * scale).astype(int))
    told = json.loads(json.dumps(feature_collection(mask, scale, shape)))
    np.testing.assert_array_equal(filled(told, scale, mask.shape), mask.astype(int))
    assert len(told["features"]) == ndimage.label(mask)[1]


def shoelace(ring):
    (y, x), (y_after, x_after) = ring[:-1].T, ring[1:].T
    return int((x * y_after - x_after * y).sum()) / 2


@pytest.mark.parametrize("mask", list(masks()))
def test_rings_are_closed_simple_and_turn_the_right_way(mask):
    regions, _ = ndimage.label(mask)
    for number, rings in enumerate(polygons(mask), 1):
        outline, *holes = map(shoelace, rings)
        assert outline > 0 and all(hole < 0 for hole in holes)
        assert outline + sum(holes) == (regions == number).sum()
        for ring in rings:
            corners = list(map(tuple, ring.tolist()))
            assert corners[0] == corners[-1] and len(set(corners)) == len(corners) - 1 >= 4


def test_holes_regions_and_corners_that_touch():
    mask = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]], bool)
    large, small = polygons(mask)
    assert [set(map(tuple, ring.tolist())) for ring in large] == [
        {(0, 0), (0, 3), (3, 3), (3, 0)}, {(1, 1), (2, 1), (2, 2), (1, 2)},
    ]
    assert len(small) == 1 and shoelace(small[0]) == 1


def test_a_hole_that_touches_the_outline_is_a_ring_of_its_own():
    mask = np.ones((4, 4), bool)
    mask[0, 0] = mask[1, 1] = False
    (rings,) = polygons(mask)
    assert len(rings) == 2 and shoelace(rings[1]) == -1


def test_what_qupath_reads():
    told = feature_collection(np.array([[False, True]]), 32.0, (30, 60))
    (feature,) = told["features"]
    assert told["type"] == "FeatureCollection" and feature["type"] == "Feature"
    assert feature["geometry"] == {"type": "Polygon", "coordinates": [[[32, 0], [60, 0], [60, 30], [32, 30], [32, 0]]]}
    assert feature["properties"] == {
        "objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]},
    }


def test_no_region():
    assert feature_collection(np.zeros((3, 4), bool), 32, (96, 128)) == {"type": "FeatureCollection", "features": []}
