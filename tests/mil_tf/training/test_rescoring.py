import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.selection import top_instance
from mil_tf.training.rescoring import ByLikeliest
from mil_tf.training.search import ExactSearch


@pytest.fixture
def source(make_bag):
    return MemorySource([make_bag(f"bag{i}", n, 4, label=i % 2, seed=i) for i, n in enumerate((3, 8, 6, 1))])


class World:
    """A search whose scores are given, and that notes how many slices it scored."""

    def __init__(self, source):
        rng = np.random.default_rng(0)
        self.scores = [rng.uniform(size=n).astype(np.float32) for n in source.counts]
        self.scored = []
        self.source = source
        self.search = ExactSearch(self._score)

    def _score(self, source, positions):
        found = []
        for position in positions:
            images = np.concatenate(list(source.blocks(position, 99)))
            self.scored.append(len(images))
            found.append(self._known(images))
        return found

    def _known(self, images):
        for bag, scores in enumerate(self.scores):
            own = self.source.take(bag, range(len(scores)))
            places = [np.flatnonzero((own == image).all(axis=(1, 2, 3))) for image in images]
            if all(len(place) == 1 for place in places):
                positive = scores[np.concatenate(places)]
                return np.stack([1 - positive, positive], axis=1)
        raise AssertionError("slices of no bag")


def test_between_full_searches_only_the_likeliest_are_scored(source):
    world = World(source)
    choose = ByLikeliest(world.search, top_instance, bags=4, k=2, every=3)
    for epoch, expected in ((0, [8, 6]), (1, [2, 2]), (2, [2, 2]), (3, [8, 6])):
        world.scored.clear()
        found = choose(source, [1, 2], epoch)
        assert world.scored == expected
        assert [s.indices.tolist() for s in found] == [[world.scores[p].argmax()] for p in (1, 2)]
    assert choose.likeliest.numpy()[0].tolist() == [-1, -1]


def test_a_bag_that_was_never_searched_is_searched_whole(source):
    world = World(source)
    choose = ByLikeliest(world.search, top_instance, bags=4, k=2, every=5)
    choose(source, [1], 0)
    world.scored.clear()
    choose(source, [1, 0], 1)
    assert world.scored == [8, 3]


def test_a_slice_outside_the_likeliest_is_found_at_the_next_full_search(source):
    world = World(source)
    choose = ByLikeliest(world.search, top_instance, bags=4, k=2, every=2)
    choose(source, [1], 0)
    least = int(world.scores[1].argmin())
    world.scores[1][least] = 2
    assert choose(source, [1], 1)[0].indices[0] != least
    assert choose(source, [1], 2)[0].indices[0] == least


def test_a_bag_of_fewer_slices_keeps_all(source):
    world = World(source)
    choose = ByLikeliest(world.search, top_instance, bags=4, k=4, every=9)
    choose(source, [3, 0], 0)
    assert sorted(choose.likeliest.numpy()[3].tolist()) == [-1, -1, -1, 0]
    world.scored.clear()
    choose(source, [3, 0], 1)
    assert world.scored == [1, 3]
