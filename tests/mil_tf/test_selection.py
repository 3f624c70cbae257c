import numpy as np
import pytest

from mil_tf.selection import top_instance, top_position


def two(positive):
    positive = np.asarray(positive, np.float32)
    return np.stack([1 - positive, positive], axis=1)


def test_the_most_positive_slice_is_chosen_with_the_bags_label():
    for label in (0, 1):
        found = top_instance(two([0.2, 0.9, 0.4]), np.array([label]), np.arange(3))
        assert list(found.indices) == [1] and found.indices.dtype == np.int64
        np.testing.assert_array_equal(found.targets, np.eye(2, dtype=np.float32)[[label]])
        assert found.weights.sum() == 1 and found.weights.dtype == np.float32


def test_among_equals_the_lowest_original_slice_is_chosen():
    found = top_instance(two([0.7, 0.1, 0.7, 0.7]), 1, np.array([9, 0, 4, 5]))
    assert list(found.indices) == [2]


def test_the_stored_shuffle_does_not_matter():
    rng = np.random.default_rng(0)
    for _ in range(50):
        positive, source_index = rng.integers(0, 4, 12) / 4, rng.permutation(40)[:12]
        chosen = source_index[top_position(positive, source_index)]
        order = rng.permutation(12)
        assert source_index[order][top_position(positive[order], source_index[order])] == chosen


def test_a_nan_is_chosen_so_that_the_loop_sees_it():
    assert top_position([0.9, np.nan, 0.1], [0, 1, 2]) == 1


def test_an_empty_bag_and_an_unknown_label_are_refused():
    with pytest.raises(ValueError, match="Expected at least one instance in the bag. Received: 0"):
        top_instance(two([]), 1, np.array([], int))
    with pytest.raises(ValueError, match="Expected a bag label of 0 or 1. Received: -1"):
        top_instance(two([0.5]), -1, np.array([0]))
