import keras
import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.models.resnet import resnet
from mil_tf.training import search as module
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import Chosen, ExactSearch, Search, candidates, ranked


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return resnet(10, 8, "batch", False, scaling=("ramps", 0, 30, 60, 90), stem="small")


@pytest.fixture
def source(make_bag):
    bags = [make_bag(f"bag{i}", n, 16, label=i % 2, seed=i) for i, n in enumerate((5, 1, 9, 4, 12))]
    return MemorySource(bags)


def best(found, place):
    indices, probabilities, _ = found[place]
    return indices[probabilities[:, 1].argmax()]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("chunk", [0, 3])
def test_it_finds_the_slice_that_the_exact_model_finds(model, source, dtype, chunk):
    exact = Scorer(model)
    for settled in (False, True):
        found = Search(model, exact, dtype, chunk)(source, range(5), settled)
        for place, scores in enumerate(exact(source, range(5))):
            assert best(found, place) == scores[:, 1].argmax()
            indices, probabilities, order = found[place]
            assert sorted(order) == list(range(source.counts[place])) and order[0] == indices[0]
            assert probabilities.dtype == np.float32 and len(indices) <= module.MOST
            tolerance = 1e-6 if settled or len(indices) > 1 else 0.02
            np.testing.assert_allclose(probabilities, scores[indices], atol=tolerance)


def test_only_close_calls_are_scored_exactly(model, source):
    asked = []
    exact = Scorer(model)

    def counted(source, positions):
        asked.extend(int(source.counts[p]) for p in positions)
        return exact(source, positions)

    found = Search(model, counted)(source, range(5))
    assert asked == [len(each.indices) for each in found if len(each.indices) > 1]
    asked.clear()
    found = Search(model, counted)(source, range(5), settled=True)
    assert asked == [len(each.indices) for each in found]


def test_an_error_larger_than_the_distance_is_settled_exactly(model, source, monkeypatch):
    """A search whose arithmetic is as coarse as can be still ends at the exact top slice, where it may rescore all."""
    monkeypatch.setattr(module, "SAFETY", {"bfloat16": 1e9})
    monkeypatch.setattr(module, "MOST", 99)
    exact = Scorer(model)
    found = Search(model, exact)(source, range(5))
    assert [len(each.indices) for each in found] == source.counts.tolist()
    assert [best(found, i) for i in range(5)] == [scores[:, 1].argmax() for scores in exact(source, range(5))]


def test_the_stated_error_covers_the_true_one(model, source):
    odds = Search(model, Scorer(model)).odds(source, range(5))
    for (approximate, error), scores in zip((each.T for each in odds), Scorer(model)(source, range(5)), strict=True):
        exact = np.log(scores[:, 1].astype(np.float64)) - np.log(scores[:, 0].astype(np.float64))
        assert (np.abs(approximate - exact) <= error).all() and (error < 1).all()


def test_the_twin_is_refreshed_at_every_search(model, source):
    search = Search(model, Scorer(model))
    before, kept = search.odds(source, [0]), model.get_weights()
    for variable in model.trainable_variables:
        variable.assign(variable * 1.3)
    after = search.odds(source, [0])
    model.set_weights(kept)
    assert np.abs(after[0][:, 0] - before[0][:, 0]).max() > 1e-3
    np.testing.assert_array_equal(search.odds(source, [0])[0], before[0])


@pytest.mark.parametrize(
    "odds, error, expected", [
        ([3, 1, 2], [0.1] * 3, [0]), ([3, 2.9, 2], [0.1] * 3, [0, 1]), ([1, 1, 1], [0] * 3, [1, 2, 0]),
        ([0, 5, 4], [0.2, 0.5, 0.5], [1, 2]), ([0, 5, 4], [0.2, 0.4, 0.5], [1]), ([7], [0], [0]),
        ([9, np.nan, 1], [1] * 3, [0, 2, 1]), ([np.inf, 2, 1], [9] * 3, [0, 1, 2]), ([1, 2], [0, np.inf], [1, 0]), ([1, 2, 3, 4, 5, 6], [9] * 6, [5, 4, 3, 2]),
    ],
)
def test_candidates_lie_within_both_errors_of_the_best(odds, error, expected):
    found = candidates(np.float32(odds), np.float32(error), np.array([5, 2, 3, 4, 1, 0])[: len(odds)])
    assert found.tolist() == expected


def test_the_exact_search_leaves_every_slice_a_candidate(model, source):
    found = ExactSearch(Scorer(model))(source, [2, 0])
    assert [each.indices.tolist() for each in found] == [list(range(9)), list(range(5))]


def test_what_repeats_comes_last():
    scores, places = np.float32([1, 3, 3, 2, 1]), np.array([0, 4, 2, 3, 1])
    assert ranked(scores, places).tolist() == [2, 1, 3, 0, 4]
    assert ranked(scores, places, np.array([0, 1, 1, 2, 0])).tolist() == [2, 3, 0, 1, 4]


def test_identical_slices_are_one_candidate():
    odds, error, places = np.float32([5, 5, 5, 5, 5, 4.9]), np.full(6, 0.1, np.float32), np.array([5, 2, 3, 4, 1, 0])
    assert candidates(odds, error, places, np.array([0, 0, 0, 0, 0, 1])).tolist() == [4, 5]
    assert candidates(odds, error, places, np.zeros(6, int)).tolist() == [4]
    assert candidates(odds, error, places, np.arange(6)).tolist() == [4, 1, 2, 3]


def test_no_bags_give_no_candidates(model, source):
    assert Search(model, Scorer(model))(source, []) == []


def test_chosen_instances_are_a_source(source):
    some = Chosen(source, [(2, np.array([4, 0, 8])), (0, np.array([1]))])
    assert some.counts.tolist() == [3, 1] and some.instance_shape == (16, 16, 1)
    for size in (1, 2, 5):
        blocks = list(some.blocks(0, size))
        assert all(len(block) <= size for block in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), source.take(2, [4, 0, 8]))


@pytest.mark.parametrize("build", [lambda model: Search(model, Scorer(model)), lambda model: ExactSearch(Scorer(model))])
def test_a_search_among_some_slices_finds_the_best_of_them(model, source, build):
    among = [np.array([8, 2, 5]), np.array([0])]
    found = build(model)(source, [2, 1], settled=True, among=among)
    scores = Scorer(model)(source, [2, 1])
    for each, pool, known in zip(found, among, scores, strict=True):
        assert set(each.indices) <= set(pool) and sorted(each.order) == sorted(pool)
        np.testing.assert_allclose(each.probabilities, known[each.indices], atol=1e-6)
    assert best(found, 0) == among[0][scores[0][among[0], 1].argmax()]
