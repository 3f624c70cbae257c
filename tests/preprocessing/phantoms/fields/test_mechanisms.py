"""Fields of cancer cells: outliers in every one, cells that look as they are named, truth that fits the pixels."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.camera import draw_batch
from preprocessing.phantoms.fields.mechanisms import CLASSES, OUTLIERS, draw, draw_cells

SHAPE, SCALE = (128, 160), 0.5


def field(name="Epithelial", seed=0, shape=SHAPE, scale=SCALE):
    rngs = [np.random.default_rng([seed, k]) for k in range(4)]
    return draw(rngs, name, 0.9, shape, scale, draw_batch(np.random.default_rng(seed), 3))


@pytest.mark.parametrize("name", CLASSES)
def test_every_mechanism_gives_a_field_that_shows_it(name):
    found = field(name)
    assert found.pixels.shape == (3, *SHAPE) and found.pixels.dtype == np.uint16
    assert name in [own for _, _, own in found.cells]
    inside = found.owner >= 0
    for plane in found.pixels:
        assert plane[inside].mean() > plane[~inside].mean() + 500


def test_there_are_twelve_classes_in_sorted_order():
    assert len(CLASSES) == 12 and list(CLASSES) == sorted(CLASSES)


def test_shares_of_outliers_are_drawn_for_each_field_from_the_whole_range():
    shares, foreign = [], 0
    for seed in range(200):
        names, looks = draw_cells(np.random.default_rng(seed), "DNA damage", 0.9, (600, 600), 1.0)
        assert len(names) == len(looks) and names[0] == "DNA damage"
        shares.append(np.mean([name != "DNA damage" for name in names]))
        foreign += sum(name not in ("", "DNA damage") for name in names) / len(names)
    assert OUTLIERS[0] - 0.03 <= min(shares) < 0.1 and 0.35 < max(shares) <= OUTLIERS[1] + 0.03
    assert 0.15 < foreign / np.sum(shares) < 0.35


def test_numbers_of_cells_vary_widely_within_a_class():
    numbers = [len(draw_cells(np.random.default_rng(s), "Epithelial", 1.0, (600, 600), 1.0)[0]) for s in range(60)]
    assert max(numbers) > 3 * min(numbers)


def test_centres_lie_in_their_cells():
    found = field(seed=3)
    inside = [found.owner[int(y), int(x)] >= 0 for y, x, _ in found.cells]
    assert np.mean(inside) > 0.95


def test_a_field_hardly_changes_with_the_scale():
    """The same cells, smaller: who is there and where does not depend on the pixels."""
    fine, coarse = (field(seed=2, shape=(int(256 * s), int(320 * s)), scale=s) for s in (1.0, 0.5))
    assert fine.names == coarse.names
    np.testing.assert_allclose(fine.places, 2 * coarse.places)
    a, b = fine.owner[::2, ::2] >= 0, coarse.owner >= 0
    assert (a & b).sum() / (a | b).sum() > 0.93
