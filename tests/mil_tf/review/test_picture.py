import io
import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mil_tf.review.picture import COLOURS, WINDOWS, colour, grey, outlines, png


@pytest.mark.parametrize(("name", "low", "high"), [("brain", 0, 80), ("subdural", -32.5, 182.5), ("bone", -800, 2000),
                                                   ("stroke", 17.5, 52.5)])
def test_a_window_ends_where_its_width_says(name, low, high):
    hu = np.array([[-1024, low, (low + high) / 2, high, 3000]], np.float16)
    assert grey(hu, WINDOWS[name])[0].tolist() == [0, 0, 128, 255, 255]


def test_a_picture_is_the_slice():
    hu = np.random.default_rng(0).normal(40, 20, (9, 7)).astype(np.float16)
    found = np.asarray(Image.open(io.BytesIO(png(hu, WINDOWS["brain"]))))
    np.testing.assert_array_equal(found, grey(hu, WINDOWS["brain"]))


def drawn(path, shape):
    """Which pixels a path encloses, by the parity of upright borders to the left."""
    borders = np.zeros((shape[0], shape[1] + 1), int)
    for x, first, last in re.findall(r"M(\d+) (\d+)V(\d+)", path):
        borders[int(first):int(last), int(x)] += 1
    return np.cumsum(borders, axis=1)[:, :-1] % 2 == 1


@pytest.mark.parametrize("seed", range(3))
def test_outlines_enclose_the_prediction(seed):
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.normal(size=(30, 20)), 2)
    mask = np.digitize(smooth, np.quantile(smooth, [0.6, 0.8, 0.9])).astype(np.uint8)
    found = outlines(mask)
    assert [one["class"] for one in found] == [1, 2, 3]
    for one in found:
        inside = mask == one["class"]
        assert one["pixels"] == inside.sum()
        np.testing.assert_array_equal(drawn(one["path"], mask.shape), inside)
        turned = re.sub(r"M(\d+) (\d+)H(\d+)", r"M\2 \1V\3", re.sub(r"M\d+ \d+V\d+", "", one["path"]))
        np.testing.assert_array_equal(drawn(turned, mask.T.shape), inside.T)


def test_one_pixel_at_the_edge():
    mask = np.zeros((3, 3), np.uint8)
    mask[0, 2] = 4
    assert outlines(mask) == [{"class": 4, "pixels": 1, "path": "M2 0H3M2 1H3M2 0V1M3 0V1"}]
    assert outlines(np.zeros((3, 3), np.uint8)) == []


def test_colours_of_five_classes_differ():
    assert len({colour(at) for at in range(5)}) == 5 and colour(len(COLOURS)) == colour(0)
