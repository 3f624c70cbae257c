"""The contact sheet: one field a class."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.sheet import COLOURS, GAP, TITLE, composite, sheet


@pytest.mark.parametrize("kind, fields", [("mechanisms", 12), ("localisation", 10)])
def test_a_picture_with_a_field_of_every_class(kind, fields):
    picture = sheet(kind, (32, 40), 0.4)
    assert picture.shape == (3 * (32 + TITLE + GAP), 4 * (40 + GAP), 3) and picture.dtype == np.uint8
    tiles = [tile for row in np.split(picture, 3) for tile in np.split(row, 4, axis=1)]
    drawn = [tile[:TITLE].max() > 200 and tile[TITLE:].std() > 10 for tile in tiles]
    assert drawn == [True] * fields + [False] * (12 - fields)


def test_channels_are_stretched_each_by_itself():
    pixels = np.stack([np.linspace(0, 100, 900).reshape(30, 30), np.linspace(5000, 9000, 900).reshape(30, 30)])
    picture = composite(pixels.astype("u2"), "localisation")
    assert picture.dtype == np.uint8 and picture.shape == (30, 30, 3)
    full = np.clip(np.sum(COLOURS["localisation"], 0), 0, 1) * 255
    np.testing.assert_allclose(picture[-1, -1], full, atol=1)
    assert not picture[0, 0].any()
