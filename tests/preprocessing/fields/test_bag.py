"""One field's bag: crops, cells and masks that move with them."""

import numpy as np
import pytest

from preprocessing.fields import pixels
from preprocessing.fields.bag import prepare, window
from preprocessing.fields.errors import FieldError
from preprocessing.fields.settings import FieldSettings
from tests.preprocessing.fields.conftest import noise


def test_a_field_is_one_instance(save):
    data = noise(12, 17, 2)
    bag = prepare([save("a.tif", data)], FieldSettings(("x", "y")), id="a", label=(0, 1), patient="P_B02", meta={"plate": "P"})
    assert (bag.id, bag.patient, bag.label.tolist(), bag.source_index.tolist(), bag.meta) == ("a", "P_B02", [0, 1], [0], {"plate": "P"})
    assert bag.instances.dtype == np.float16 and bag.points is None and bag.mask is None
    np.testing.assert_array_equal(bag.instances[0], pixels.fractions(data))
    assert prepare([save("a.tif", data)], FieldSettings(("x", "y")), id="a").patient == "a"


@pytest.mark.parametrize("shape, crop, starts", [((12, 17), (8, 10), (2, 3)), ((13, 18), (8, 10), (2, 4)), ((8, 10), (8, 10), (0, 0))])
def test_cells_and_mask_move_with_the_crop(save, shape, crop, starts):
    data, drawn = noise(*shape), np.zeros(shape, np.uint8)
    rows, columns = window(shape, crop)
    assert (rows.start, columns.start) == starts and (rows.stop - rows.start, columns.stop - columns.start) == crop
    at = starts[0] + 3, starts[1] + 5
    drawn[at] = 2
    drawn[starts] = 255
    cells = [(*at, 1), (0, 0, 0), (shape[0] - 1, shape[1] - 1, -1)]
    bag = prepare([save("a.tif", data)], FieldSettings(("x",), crop), id="a", label=(0, 1), points=cells, mask=save("a.png", drawn))
    assert bag.mask.shape == (1, *crop) and bag.mask[0, 3, 5] == 2 and bag.mask[0, 0, 0] == 255 and bag.mask.sum() == 257
    assert [0, 3, 5, 1] in bag.points.tolist() and len(bag.points) == sum(starts[0] <= y < starts[0] + crop[0] and starts[1] <= x < starts[1] + crop[1] for y, x, _ in cells)
    assert bag.instances[0, 3, 5, 0] == pixels.fractions(data)[at] and "flags" not in bag.meta


def test_cells_beyond_the_image_are_left_out_and_told(save):
    bag = prepare([save("a.tif", noise(12, 17))], FieldSettings(("x",)), id="a", points=[(3, 4, 0), (12, 4, 0), (-1, 2, 0), (3, 17, 0)])
    assert bag.points.tolist() == [[0, 3, 4, 0]] and bag.meta["flags"] == "3 of 4 cells lie beyond the image"
    assert prepare([save("a.tif", noise(12, 17))], FieldSettings(("x",)), id="a", points=[]).points.shape == (0, 4)


def test_a_channel_that_shows_nothing_is_refused(save):
    data = noise(12, 17, 2)
    data[2:, :, 1] = 0
    path = save("a.tif", data)
    assert prepare([path], FieldSettings(("x", "y")), id="a").n == 1
    with pytest.raises(FieldError, match="y: all its pixels are 0"):
        prepare([path], FieldSettings(("x", "y"), (6, 6)), id="a")  # within the crop


def test_what_does_not_fit_is_one_line(save, monkeypatch):
    image, settings = save("a.tif", noise(12, 17)), FieldSettings(("x",))
    for mask, reason in [
        (save("small.png", np.zeros((12, 16), np.uint8)), "mask: Expected uint8 of the image's 12 x 17 pixels. Received: uint8 of"),
        (save("deep.png", np.zeros((12, 17), np.uint16)), "mask: Expected uint8"), (save("rgb.png", np.zeros((12, 17, 3), np.uint8)), "mask: Expected uint8"),
        (save("other.png", np.full((12, 17), 3, np.uint8)), "mask: Expected 0 to 2, or 255. Received: 3"),
    ]:
        with pytest.raises(FieldError, match=reason):
            prepare([image], settings, id="a", label=(0, 1), mask=mask)
    with pytest.raises(FieldError, match="smaller than --crop: 12 x 17 pixels of 13 x 10"):
        prepare([image], FieldSettings(("x",), (13, 10)), id="a")
    monkeypatch.setattr(pixels, "LARGEST", 12 * 17 * 2 - 1)
    with pytest.raises(FieldError, match="too large"):
        prepare([image], settings, id="a")
