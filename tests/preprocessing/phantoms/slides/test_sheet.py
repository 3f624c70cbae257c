"""The contact sheet: one row a location, four pictures in a row."""

import numpy as np

from preprocessing.phantoms.slides.sheet import GAP, OUTLINE, SIDE, sheet


def test_one_row_a_location_with_the_tumours_outline():
    picture = sheet(0, ("airy", "crypts"), size=512, mpp=4.0)
    assert picture.shape == (2 * (SIDE + GAP), 4 * (SIDE + GAP), 3) and picture.dtype == np.uint8
    for row in np.split(picture, 2):
        assert (row[:, :SIDE] == OUTLINE).all(-1).any()
        assert not (row[:, SIDE + GAP :] == OUTLINE).all(-1).any()
