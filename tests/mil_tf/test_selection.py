import numpy as np
import pytest

from mil_tf.selection import alpha_beta, top_instance, top_position


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


def proxies(n, alpha, beta, seed=0):
    """The proxy labels of a positive bag by its ranks, likeliest first: 1, 0 or None."""
    positive = np.random.default_rng(seed).permutation(n) / n
    found = alpha_beta(two(positive), 1, np.arange(n), alpha, beta)
    told = dict(zip(found.indices.tolist(), found.targets[:, 1].tolist(), strict=True))
    np.testing.assert_array_equal(found.targets.sum(axis=1), 1)
    return [told.get(place) for place in np.argsort(-positive).tolist()]


@pytest.mark.parametrize(
    ("n", "alpha", "beta", "expected"),
    [
        (10, 0.3, 0.2, (3, 2)),  # figure 1 of the paper
        (150, 0.2, 0.8, (30, 120)), (150, 0.2, 0.2, (30, 30)), (150, 1.0, 0.0, (150, 0)), (150, 0.4, 0.6, (60, 90)),
        (7, 0.2, 0.2, (1, 1)), (9, 0.6, 0.4, (5, 3)), (49, 1 / 49, 0.0, (1, 0)), (3, 1 / 3, 2 / 3, (1, 2)),
    ],
)
def test_the_counts_are_the_papers(n, alpha, beta, expected):
    told = proxies(n, alpha, beta)
    assert told == [1.0] * expected[0] + [None] * (n - sum(expected)) + [0.0] * expected[1]


def test_one_part_of_n_is_one_for_every_n():
    for n in range(1, 2000):
        assert proxies(n, 1 / n, 0.0, seed=n).count(1.0) == 1


def test_no_share_of_tenths_is_rounded_down():
    for tenths in range(1, 11):
        for n in range(10, 1010, 10):
            assert proxies(n, tenths / 10, (10 - tenths) / 10) == [1.0] * (n * tenths // 10) + [0.0] * (
                n * (10 - tenths) // 10
            )


def test_beta_makes_zeros_and_leaves_the_ones():
    """A released bug trained every configuration with beta above 0 on zeros alone."""
    found = alpha_beta(two([0.9, 0.1, 0.5, 0.7, 0.3]), 1, np.arange(5), 0.4, 0.4)
    assert found.indices.tolist() == [0, 3, 4, 1] and found.indices.dtype == np.int64
    assert found.targets.tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]] and found.targets.dtype == np.float32
    assert found.weights.sum() == 1 and set(found.weights.tolist()) == {0.25} and found.weights.dtype == np.float32


def test_a_negative_bag_is_negative_in_all_its_instances():
    found = alpha_beta(two([0.9, 0.1, 0.5]), np.array([0]), np.arange(3), 0.4, 0.4)
    assert sorted(found.indices.tolist()) == [0, 1, 2]
    np.testing.assert_array_equal(found.targets, [[1, 0]] * 3)
    assert found.weights.sum() == pytest.approx(1)


def test_one_part_of_n_is_the_top_instance_of_a_positive_bag():
    rng = np.random.default_rng(1)
    for n in (1, 2, 7, 49, 150):
        probabilities, index = two(rng.integers(0, 5, n) / 5), rng.permutation(3 * n)[:n]
        ours = alpha_beta(probabilities, 1, index, 1 / n, 0)
        for one, other in zip(ours, top_instance(probabilities, 1, index), strict=True):
            np.testing.assert_array_equal(one, other)


def test_shares_do_not_depend_on_the_order_of_the_bag():
    rng = np.random.default_rng(2)
    positive, index = rng.integers(0, 4, 40) / 4, rng.permutation(100)[:40]
    order = rng.permutation(40)
    one = alpha_beta(two(positive), 1, index, 0.25, 0.5)
    other = alpha_beta(two(positive[order]), 1, index[order], 0.25, 0.5)
    assert index[one.indices].tolist() == index[order][other.indices].tolist()


@pytest.mark.parametrize(("alpha", "beta"), [(0, 0.2), (-0.2, 0), (0.2, -0.1), (0.6, 0.6), (1.0, 0.2), (0.81, 0.2)])
def test_shares_outside_the_papers_space_are_refused(alpha, beta):
    with pytest.raises(ValueError, match=f"alpha \\+ beta of at most 1. Received: alpha={alpha}, beta={beta}"):
        alpha_beta(two([0.5, 0.1]), 1, np.arange(2), alpha, beta)


def test_a_share_that_is_no_instance_is_refused():
    with pytest.raises(ValueError, match="Expected alpha of at least 1 / 4, an instance of the bag. Received: alpha=0.2"):
        alpha_beta(two([0.5] * 4), 1, np.arange(4), 0.2, 0.0)
    with pytest.raises(ValueError, match="Expected at least one instance in the bag. Received: 0"):
        alpha_beta(two([]), 0, np.arange(0), 0.2, 0.0)
    with pytest.raises(ValueError, match="Expected a bag label of 0 or 1. Received: -1"):
        alpha_beta(two([0.5] * 4), -1, np.arange(4), 0.5, 0.0)
