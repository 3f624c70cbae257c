"""Masks and tables small enough to count by hand."""

import numpy as np
import pytest

from mil_tf.evaluation.cell_overlap import (
    MEASURES,
    mean_overlap,
    otsu_mask,
    otsu_threshold,
    overlap,
    read_segmentations,
    segmentation_estimates,
)
from mil_tf.evaluation.columns import TableError


def mask(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_intersection_over_union():
    found = overlap(mask("##..", "##.."), mask(".##.", ".##."))
    assert found.iu == pytest.approx(2 / 6) and found.class_iu == pytest.approx((2 / 6 + 2 / 6) / 2)
    found = overlap(mask("#..."), mask("##.."))
    assert found == (1 / 2, pytest.approx((1 / 2 + 2 / 3) / 2))
    assert overlap(mask("##.."), mask("##..")) == (1, 1)
    assert overlap(mask("##.."), mask("..##")) == (0, 0)


def test_without_a_foreground_it_is_not_defined():
    nothing, all_ = mask("...."), mask("####")
    assert np.isnan(overlap(nothing, nothing).iu) and overlap(nothing, nothing).class_iu == 1
    assert overlap(all_, all_) == (1, 1)
    assert overlap(nothing, all_) == (0, 0)


@pytest.mark.parametrize("other", [np.zeros((2, 2), bool), np.zeros((1, 4), np.uint8)])
def test_masks_that_do_not_fit(other):
    with pytest.raises(ValueError, match="Expected two boolean masks of one shape"):
        overlap(mask("...."), other)


def unevenly_stained(seed=0):
    """(image, mask): cells of 0.1 with a nucleus of 0.9 on a ground of 0.01."""
    random, cells = np.random.default_rng(seed), np.zeros((40, 40), bool)
    cells[5:20, 5:20] = True
    grey = np.where(cells, 0.1, 0.01)
    grey[10:14, 10:14] = 0.9
    return grey[..., None] * random.uniform(0.8, 1.2, (40, 40, 1)), cells


def test_the_logarithm_finds_cells_and_not_their_nuclei():
    image, cells = unevenly_stained()
    np.testing.assert_array_equal(otsu_mask(image), cells)
    assert 16 <= otsu_mask(image, logarithm=False).sum() < 30 < cells.sum()


def test_one_channel_or_the_mean_of_all():
    random = np.random.default_rng(0)
    image, top, left = random.uniform(0.01, 0.02, (32, 32, 2)), *(np.indices((32, 32)) < 12)
    image[top, 0] += 0.5
    image[left, 1] += 0.5
    for channel, expected in ((0, top), (1, left), (None, top | left)):
        # Otsu's threshold is the middle of a bin, so that the highest of the ground may lie above it.
        assert (otsu_mask(image, channel) == expected).mean() > 0.95
    assert not otsu_mask(np.full((4, 4, 2), 0.5)).any()


@pytest.mark.parametrize("image, channel", [(np.ones((4, 4)), None), (np.ones((4, 4, 2)), 2), (np.ones((4, 4, 2)), -1)])
def test_an_image_that_is_none(image, channel):
    with pytest.raises(ValueError, match="Expected an image"):
        otsu_mask(image, channel)


@pytest.mark.parametrize("values", [[], [-1.0, 2.0], [np.nan, 1.0]])
def test_a_threshold_of_what_has_none(values):
    with pytest.raises(ValueError, match="0 or above"):
        otsu_threshold(values)


def test_a_threshold_keeps_to_the_scale():
    values = unevenly_stained()[0]
    assert otsu_threshold(1000 * values) == pytest.approx(1000 * otsu_threshold(values))
    assert 0.012 < otsu_threshold(values) < 0.08


def test_the_mean_over_images():
    found = mean_overlap([0.5, 0.7, np.nan, 0.9], ["a", "a", "b", "c"])
    assert found.value == pytest.approx(0.7) and found.n == 3 and 0 < found.low < 0.7 < found.high < 1
    assert mean_overlap([0.5, 0.7], ["a", "a"]).note == "no interval: one patient only"
    assert "no image has a foreground" in mean_overlap([np.nan], ["a"]).note
    assert mean_overlap([], []).n == 0


def table_at(path, rows):
    lines = [",".join(("id", "patient", "converged", *MEASURES)), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_is_read(tmp_path):
    rows = [("1", "a", "1", *["0.5"] * 6), ("2", "b", "0", "0.7", *[""] * 5)]
    table = read_segmentations(table_at(tmp_path / "segmentation-test.csv", rows))
    assert table.converged.tolist() == [True, False] and table.id.tolist() == ["1", "2"]
    found = segmentation_estimates(table)
    assert set(found) == set(MEASURES)
    assert found["iu_otsu"].value == pytest.approx(0.6) and found["iu_otsu"].n == 2
    assert found["iu_truth"].value == 0.5 and found["iu_truth"].n == 1


@pytest.mark.parametrize(
    "rows, told",
    [([("1", "a", "2", *["0.5"] * 6)], "expected 0 or 1 as converged"),
     ([("1", "a", "1", "1.5", *["0.5"] * 5)], "iu_otsu"), ([("1", "a", "1", "x", *["0.5"] * 5)], "iu_otsu"),
     ([("1", "a", "1", *["0.5"] * 6)] * 2, "image 1 appears twice"), ([], "at least one row")],
)
def test_tables_that_are_wrong(tmp_path, rows, told):
    with pytest.raises(TableError, match=told):
        read_segmentations(table_at(tmp_path / "segmentation-test.csv", rows))
