import numpy as np
import pytest

from mil_tf.evaluation.segmentation.counts import ANY, count_slice, slice_rows

TRUTH = np.array([[1, 1, 2], [0, 0, 2]])
FOUND = np.array([[1, 2, 2], [1, 0, 0]])


def test_any_takes_all_types_as_one():
    assert count_slice(FOUND, TRUTH, ("a", "b", "c")) == {ANY: (3, 1, 1), "a": (1, 1, 1), "b": (1, 1, 1), "c": (0, 0, 0)}


def test_counts_against_sums_of_products():
    rng = np.random.default_rng(0)
    found, truth = rng.integers(0, 3, (2, 30, 31))
    counted = count_slice(found, truth, ("a", "b"))
    for name, one, other in ((ANY, found > 0, truth > 0), ("a", found == 1, truth == 1), ("b", found == 2, truth == 2)):
        assert counted[name] == ((one * other).sum(), (one * ~other).sum(), (~one * other).sum())


def test_rows_name_what_they_are_of():
    row = slice_rows("before", "s", "p", "CQ500", FOUND, TRUTH)[0]
    assert row == ("before", "s", "p", "CQ500", ANY, 3, 1, 1)


@pytest.mark.parametrize("found, types, told", [
    (FOUND[:1], (), r"Received: \(1, 3\) predicted, \(2, 3\) true"), (FOUND, ("a",), "Received: 2"),
])
def test_masks_that_do_not_fit(found, types, told):
    with pytest.raises(ValueError, match=told):
        count_slice(found, TRUTH, types)
