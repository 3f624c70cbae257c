"""The truth of a field: the mask's coding and the cells that lie on it."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.field import UNKNOWN, Field, check_size


def field():
    owner = np.full((10, 12), -1, "i4")
    owner[:4, :4], owner[5:9, 5:9], owner[:3, 10:] = 0, 1, 2
    places = np.array([[2.0, 2.0], [7.0, 7.0], [1.0, 13.0]])
    return Field(np.zeros((3, 10, 12), "u2"), ("a", "b"), owner, places, ["b", "", "a"])


def test_the_mask_tells_no_cell_the_class_and_a_cell_of_none():
    mask = field().mask
    assert mask.dtype == np.uint8
    assert (mask[0, 0], mask[6, 6], mask[0, 11], mask[9, 0]) == (2, UNKNOWN, 1, 0)
    assert np.array_equal(mask > 0, field().owner >= 0)


def test_cells_beyond_the_edge_are_in_the_mask_but_not_in_the_table():
    assert field().cells == [(2.0, 2.0, "b"), (7.0, 7.0, "")]


@pytest.mark.parametrize("size, scale", [((1024, 1280), 1.0), ((64, 64), 1.0), ((32, 40), 0.5)])
def test_possible_sizes_pass(size, scale):
    check_size(size, scale)


@pytest.mark.parametrize("size, scale", [((63, 100), 1.0), ((100, 31), 0.5), ((500, 500), 0.1), ((500, 500), 3.0)])
def test_impossible_sizes_are_refused(size, scale):
    with pytest.raises(ValueError, match=f"Received: {size[0]} x {size[1]} pixels at scale {scale:g}"):
        check_size(size, scale)
