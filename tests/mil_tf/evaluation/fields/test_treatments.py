"""The median over a treatment's images decides, and images of one treatment must have one truth."""

from pathlib import Path

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.fields.tables import Fields
from mil_tf.evaluation.fields.treatments import by_replicate, by_treatment


def table(first, treatment, replicate=None, label=None):
    """Fields of two classes whose first class has these probabilities."""
    first, n = np.array(first), len(first)
    label = np.zeros(n, dtype=int) if label is None else np.array(label)
    ids = np.array([f"i{row}" for row in range(n)])
    scores = np.stack([first, 1 - first], axis=1)
    replicate = [""] * n if replicate is None else replicate
    return Fields(Path("predictions-test.csv"), ("a", "b"), ids, ids, np.array(replicate), np.array(treatment),
                  np.eye(2, dtype=np.int64)[label], scores, scores / 2)


def test_the_median_over_all_images():
    found = by_treatment(table([0.9, 0.1, 0.8, 0.3, 0.2, 0.5], ["x", "x", "x", "y", "y", ""]))
    assert found.id.tolist() == found.patient.tolist() == ["x", "y"]
    assert found.y_prob.tolist() == [pytest.approx([0.8, 0.2]), pytest.approx([0.25, 0.75])]
    assert found.y_pool.tolist() == [pytest.approx([0.4, 0.1]), pytest.approx([0.125, 0.375])]


def test_each_replicate_has_one_voice_where_its_median_comes_first():
    images = table([0.9, 0.9, 0.9, 0.9, 0.2, 0.1], ["x"] * 6, ["1", "1", "1", "1", "2", "3"])
    assert by_treatment(images).y_prob[0, 0] == pytest.approx(0.9)
    assert by_replicate(images).y_prob[0, 0] == pytest.approx(0.2)
    assert by_replicate(images).id.tolist() == ["x"]


@pytest.mark.parametrize("replicate", [["1", "2"], ["1", "1"], ["", ""]])
def test_where_both_are_the_same_there_is_one(replicate):
    assert by_replicate(table([0.9, 0.1], ["x", "x"], replicate)) is None


def test_without_treatments_there_are_none():
    assert by_treatment(table([0.9], [""])) is None
    assert by_replicate(table([0.9], ["x"])) is None


def test_the_order_of_rows_does_not_matter():
    images = table([0.9, 0.1, 0.8, 0.3], ["x", "y", "x", "y"], label=[0, 1, 0, 1])
    other = table([0.3, 0.8, 0.1, 0.9], ["y", "x", "y", "x"], label=[1, 0, 1, 0])
    one, two = by_treatment(images), by_treatment(other)
    assert np.array_equal(one.y_prob, two.y_prob) and np.array_equal(one.y_true, two.y_true)


def test_images_of_one_treatment_have_one_truth():
    message = "expected one truth of all images of treatment x, received a of image i0 and b of image i2"
    with pytest.raises(TableError, match=f"predictions-test.csv: {message}"):
        by_treatment(table([0.9, 0.1, 0.2], ["x", "y", "x"], label=[0, 0, 1]))
