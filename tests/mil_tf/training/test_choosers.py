import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.selection import top_instance
from mil_tf.training.choosers import AtRandom, ByScore
from mil_tf.training.search import ExactSearch, Found


@pytest.fixture
def source(make_bag):
    return MemorySource([make_bag(f"bag{i}", n, 4, label=i % 2, seed=i) for i, n in enumerate((3, 20, 8, 1))])


def test_the_selection_sees_each_bags_scores_label_and_source_index(source):
    scores = {i: np.random.default_rng(i).uniform(size=(n, 2)) for i, n in enumerate(source.counts)}
    seen = []
    search = ExactSearch(lambda given, window: [scores[p] for p in window])
    choose = ByScore(search, lambda *given: seen.append(given) or top_instance(*given))
    found = choose(source, np.array([2, 0]), 7)
    assert [s.indices.tolist() for s in found] == [[scores[p][:, 1].argmax()] for p in (2, 0)]
    for (score, label, source_index), position in zip(seen, (2, 0)):
        assert score is scores[position] and list(label) == list(source.labels[position])
        np.testing.assert_array_equal(source_index, source.fields(position).source_index)


def test_a_selection_among_candidates_names_their_places_in_the_bag(source):
    given = [
        Found(np.array([7, 2]), np.float32([[0.4, 0.6], [0.3, 0.7]]), None),
        Found(np.array([1]), np.float32([[1, 0]]), None),
    ]
    found = ByScore(lambda *_: given, top_instance)(source, [1, 0], 0)
    assert [s.indices.tolist() for s in found] == [[2], [1]]
    assert [s.targets.tolist() for s in found] == [[[0, 1]], [[1, 0]]]


def test_the_stored_shuffle_does_not_change_the_chosen_slice(make_bag):
    bag, rng = make_bag(n=9), np.random.default_rng(0)
    order = rng.permutation(9)
    shuffled = make_bag(instances=bag.instances[order], source_index=bag.source_index[order], n=9)

    def scorer(source, window):  # coarse, so that there are ties
        mean = source.take(0, range(9)).astype(np.float64).mean(axis=(1, 2, 3)) // 10
        return [np.stack([-mean, mean], axis=1)]

    chosen = []
    for one in (bag, shuffled):
        found = ByScore(ExactSearch(scorer), top_instance)(MemorySource([one]), [0], 0)[0]
        chosen.append(one.source_index[found.indices[0]])
        np.testing.assert_array_equal(one.instances[found.indices[0]], bag.instances[bag.source_index == chosen[0]][0])
    assert chosen[0] == chosen[1]


def test_random_instances_are_a_function_of_seed_epoch_and_bag(source):
    first, again = (AtRandom(4, 0)(source, [1, 2], 3) for _ in range(2))
    for ours, theirs in zip(first, again):
        np.testing.assert_array_equal(ours.indices, theirs.indices)
    alone = AtRandom(4, 0)(source, [2], 3)[0]
    np.testing.assert_array_equal(alone.indices, first[1].indices)
    for other in (AtRandom(4, 1)(source, [1], 3), AtRandom(4, 0)(source, [1], 4)):
        assert list(other[0].indices) != list(first[0].indices)


def test_random_instances_bear_the_bags_label_and_share_its_weight(source):
    for position, count in ((0, 3), (1, 4), (3, 1)):
        found = AtRandom(4, 0)(source, [position], 0)[0]
        assert len(set(found.indices)) == len(found.indices) == count
        assert (found.targets.argmax(axis=1) == source.labels[position, 0]).all() and found.targets.sum() == count
        np.testing.assert_allclose(found.weights, 1 / count)


def test_all_instances_come_at_some_time(source):
    seen = {int(i) for epoch in range(60) for i in AtRandom(2, 0)(source, [1], epoch)[0].indices}
    assert seen == set(range(20))


def test_no_instances_are_refused():
    with pytest.raises(ValueError, match="`warm_up_instances` of at least 1. Received: warm_up_instances=0"):
        AtRandom(0, 0)
