"""Images of a cohort with cells whose masks are known, by a network whose weights are given."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from mil_tf.evaluation.cell_overlap import read_segmentations
from mil_tf.localization.cell_map import Denoising
from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.localization.segmented import segment, segment_cohort, true_class
from tests.mil_tf.localization.conv_mil import body, layers

CLASSES = ["first", "second"]


@pytest.fixture(scope="module")
def mapper():
    """A channel a class: where the first is bright its class map is, and so for the second."""
    model = body(layers.AveragePooling2D(3, 2), layers.Conv2D(2, 3, name="conv"), layers.Activation("relu"),
                 layers.MaxPooling2D(3, 2), classes=2)
    kernel = np.zeros((3, 3, 2, 2), np.float32)
    kernel[..., 0, 0], kernel[..., 1, 1] = 1 / 9, 1 / 9
    model.get_layer("conv").set_weights([kernel, np.full(2, -0.2, np.float32)])
    model.get_layer("class_maps").set_weights([20 * np.eye(2, dtype=np.float32)[None, None], np.full(2, -4, "f4")])
    return JacobianMapper(model)


def field(seed=0, shape=(60, 72)):
    """(image, mask) of two squares, one a class, on a dark ground; one lies at the border."""
    image = np.random.default_rng(seed).uniform(0.01, 0.02, (*shape, 2))
    mask = np.zeros(shape, np.uint8)
    for place, (rows, columns) in enumerate(((slice(0, 16), slice(20, 36)), (slice(36, 52), slice(40, 58)))):
        image[rows, columns, place] += 0.8
        mask[rows, columns] = place + 1
    return image, mask


def bag(id="a", mask=None):
    return SimpleNamespace(id=id, patient=f"well-{id}", mask=None if mask is None else mask[None])


def test_cells_are_found_with_their_class_even_at_the_border(mapper):
    image, mask = field()
    found = segment(mapper, image)
    assert found.jacobian.shape == found.labels.shape == mask.shape
    np.testing.assert_array_equal(found.found.mask, found.labels > 0)
    assert [region.label for region in found.regions] == [0, 1]
    both = [np.count_nonzero((found.labels == number) & (mask == number)) for number in (1, 2)]
    assert np.all(np.array(both) / [(mask == number).sum() for number in (1, 2)] > 0.8)


def test_the_mirror_image_keeps_the_map_from_fading_at_the_border(mapper):
    image, _ = field()
    mirrored, plain = (segment(mapper, image, mirrored=each).jacobian[:2, 20:36].mean() for each in (True, False))
    assert mirrored > 0 == plain  # here no position sees the border at all


def test_both_tables(mapper, tmp_path):
    drawn = []
    cohort = [(bag("a", field(0)[1]), field(0)[0]), (bag("b"), field(1)[0]), (bag("c"), np.zeros((40, 44, 2)))]
    count = segment_cohort(mapper, iter(cohort), CLASSES, tmp_path, "test", Denoising(),
                           draw=lambda *given: drawn.append(given))
    assert count == 3 and [each[0].id for each in drawn] == ["a", "b", "c"]
    table = read_segmentations(tmp_path / "segmentation-test.csv")
    assert table.id.tolist() == ["a", "b", "c"] and table.patient[0] == "well-a" and table.converged.all()
    assert (table.overlaps["iu_otsu"][:2] > 0.5).all() and table.overlaps["iu_truth"][0] > 0.5
    assert table.overlaps["iu_otsu_truth"][0] > 0.95  # two squares, far brighter than their ground
    assert np.isnan(table.overlaps["iu_truth"][1:]).all() and np.isnan(table.overlaps["iu_otsu"][2])
    with open(tmp_path / "regions-test.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["region"], row["class"], row["y_class"]) for row in rows] == [
        ("a", "1", "first", "first"), ("a", "2", "second", "second"), ("b", "1", "first", ""), ("b", "2", "second", "")]
    assert 4 < float(rows[0]["y"]) < 11 and 24 < float(rows[0]["x"]) < 32


def test_a_regions_true_class():
    truth = np.array([[0, 1, 1], [2, 2, 2], [255, 255, 0]], np.uint8)
    inside = np.zeros((3, 3), bool)
    for row, expected in enumerate(("first", "second", "")):
        inside[:], inside[row] = False, True
        assert true_class(inside, truth, CLASSES) == expected
    assert true_class(truth == 0, truth, CLASSES) == ""
