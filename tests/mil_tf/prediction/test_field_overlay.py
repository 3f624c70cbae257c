"""Pictures of a field whose regions are known."""

import numpy as np
import pytest
from PIL import Image

from mil_tf.localization.cell_map import Region
from mil_tf.prediction.field_overlay import colour_of, composed, likeliest, overlay, write_overlay

CLASSES = ["actin", "damage", "kinase", "taxol"]
P = np.array([0.1, 0.6, 0.05, 0.25])


@pytest.fixture
def found():
    labels = np.zeros((40, 50), np.int32)
    labels[5:15, 5:15], labels[20:35, 20:40] = 1, 2
    image = np.random.default_rng(0).uniform(0, 0.1, (40, 50, 3))
    image[labels > 0] += 0.5
    regions = [Region(1, 9.5, 9.5, 100, 1, 0.8), Region(2, 27, 29.5, 300, 3, 0.6)]
    return image, (labels > 0) * 2.0, labels, regions


def test_the_picture_says_what_is_there(found):
    figure = overlay(*found, CLASSES, P, {1: found[1], 3: found[1]}, "plate_A01_s1")
    titles = [axes.get_title() for axes in figure.axes]
    assert {"image", "Jacobian map, all classes", "2 regions", "damage, 0.600", "taxol, 0.250"} <= set(titles)
    assert figure.get_suptitle() == "plate_A01_s1  damage 0.600, taxol 0.250, actin 0.100"
    legend = next(axes.get_legend() for axes in figure.axes if axes.get_legend())
    assert [text.get_text() for text in legend.get_texts()] == ["damage (1)", "taxol (1)"]


def test_regions_are_outlined_in_the_colour_of_their_class(found):
    figure = overlay(*found, CLASSES, P, {})
    drawn = next(axes for axes in figure.axes if axes.get_title() == "2 regions").images[0].get_array()
    for (row, column), label in (((5, 10), 1), ((34, 30), 3)):
        np.testing.assert_allclose(drawn[row, column], colour_of(label), atol=1e-6)
    np.testing.assert_allclose(drawn[10, 10], composed(found[0])[10, 10], atol=1e-6)
    assert len({colour_of(place) for place in range(20)}) == 20


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels(channels):
    image = np.random.default_rng(0).uniform(0, 1, (6, 7, channels))
    found = composed(image)
    assert found.shape == (6, 7, 3) and 0 <= found.min() and found.max() <= 1
    assert np.isfinite(composed(np.zeros((4, 4, channels)))).all()


def test_likeliest_first():
    assert likeliest(P) == [1, 3, 0] and likeliest(P, 1) == [1] and likeliest([0.5, 0.5], 2) == [0, 1]


@pytest.mark.parametrize("empty", [False, True])
def test_the_file(tmp_path, found, empty):
    image, jacobian, labels, regions = found
    if empty:
        jacobian, labels, regions = np.zeros_like(jacobian), np.zeros_like(labels), []
    for name in ("one.png", "two.png"):
        write_overlay(tmp_path / name, image, jacobian, labels, regions, CLASSES, P, {1: jacobian})
    one, two = (np.asarray(Image.open(tmp_path / name)) for name in ("one.png", "two.png"))
    assert one.std() > 0
    np.testing.assert_array_equal(one, two)
