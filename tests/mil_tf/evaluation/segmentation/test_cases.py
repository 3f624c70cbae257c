import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from mil_tf.evaluation.segmentation.cases import cases_of, metrics_of
from mil_tf.evaluation.segmentation.counts import ANY, Row


def row(model="before", id="1", patient="p", counts=(1, 2, 3), data_set="d", type=ANY):
    return Row(model, id, patient, data_set, type, *counts)


def both(**options):
    return [row("before", **options), row("after", **options)]


def test_metrics_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    called, true = rng.integers(0, 2, (2, 400))
    counts = ((called & true).sum(), (called & ~true & 1).sum(), (~called & 1 & true).sum())
    expected = [each(true, called) for each in (f1_score, jaccard_score, precision_score, recall_score)]
    np.testing.assert_allclose(metrics_of(counts), expected)


@pytest.mark.parametrize("counts, expected", [
    ((0, 0, 0), (np.nan,) * 4), ((0, 5, 0), (0, 0, 0, np.nan)), ((0, 0, 5), (0, 0, np.nan, 0)), ((5, 0, 0), (1,) * 4),
])
def test_what_is_not_defined(counts, expected):
    np.testing.assert_array_equal(metrics_of(counts), expected)


def test_a_case_is_a_patient_with_the_counts_of_all_slices():
    rows = [*both(id="1", counts=(1, 0, 1)), *both(id="2", counts=(3, 4, 0)), *both(id="3", patient="q")]
    found, = cases_of(rows)
    assert found.id.tolist() == found.patient.tolist() == ["p", "q"]
    assert found.counts[0].tolist() == [[4, 4, 1], [1, 2, 3]]
    np.testing.assert_allclose(found.values[1, :, 0], metrics_of((4, 4, 1)))
    slices, = cases_of(rows, "slice")
    assert slices.id.tolist() == ["1", "2", "3"] and slices.patient.tolist() == ["p", "p", "q"]


def test_data_sets_and_types_are_apart_and_the_order_of_rows_does_not_matter():
    rows = [*both(data_set="b"), *both(data_set="a"), *both(data_set="b", type="subdural")]
    assert [(each.data_set, each.type) for each in cases_of(rows)] == [("b", ANY), ("a", ANY), ("b", "subdural")]
    rows = [row("before", id="1"), row("before", id="2", counts=(9, 0, 0), patient="q"),
            row("after", id="2", counts=(8, 0, 1), patient="q"), row("after", id="1")]
    assert cases_of(rows)[0].counts[1].tolist() == [[1, 2, 3], [8, 0, 1]]


def test_healthy_cases_and_false_alarms():
    found, = cases_of([row("before", counts=(0, 4, 0)), row("after", counts=(0, 0, 0))])
    assert found.healthy.tolist() == [True] and found.called.tolist() == [[True], [False]]


@pytest.mark.parametrize("rows, told", [
    ([], "Received: none"), ([row("between")], "Received: 'between'"), ([row(), row()], "Received: 1 of d, any, twice"),
    ([row()], "slice 1 of d, any before alone"), ([row("after")], "after alone"),
    ([row(), row("after", counts=(2, 2, 3))], "with another after"), ([row(), row("after", patient="q")], "with another"),
])
def test_rows_that_cannot_be_scored(rows, told):
    with pytest.raises(ValueError, match=told):
        cases_of(rows)
    with pytest.raises(ValueError, match="unit='volume'"):
        cases_of(rows, "volume")
