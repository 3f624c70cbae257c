"""Fields of yeast: labels in the shares that their density says, sparse ones in few cells, one class a cell."""

from functools import cache

import numpy as np
import pytest

from preprocessing.phantoms.fields.camera import draw_batch
from preprocessing.phantoms.fields.localisations import LOCALISATIONS
from preprocessing.phantoms.fields.yeast import CLASSES, draw, draw_cells, draw_names

SHAPE, SCALE = (128, 160), 0.5


@cache
def cells(seed):
    return draw_cells(np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1]), (600, 600), 1.0)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_gives_a_field_that_shows_it(name):
    rngs = [np.random.default_rng([1, k]) for k in range(4)]
    found = draw(rngs, (name,), SHAPE, SCALE, draw_batch(np.random.default_rng(0), 2))
    assert found.pixels.shape == (2, *SHAPE) and found.pixels.dtype == np.uint16
    assert {own for _, _, own in found.cells} - {""} == {name}


@pytest.mark.parametrize("name", CLASSES)
def test_shares_of_cells_are_those_of_the_class(name):
    low, high = LOCALISATIONS[name].density
    shares = []
    for seed in range(12):
        there = cells(seed)
        names = draw_names(np.random.default_rng(seed), there, (name,))
        shares.append(names.count(name) / len(names))
        if LOCALISATIONS[name].needs_bud:
            assert all(cell.bud for cell, own in zip(there, names) if own)
    assert low - 0.04 <= min(shares) and max(shares) <= min(high, 0.95) + 0.04


@pytest.mark.parametrize("pair", [("bud neck", "nucleus"), ("cytoplasm", "nucleus"), ("bud neck", "spindle pole")])
def test_both_labels_are_shown_by_cells_of_their_own(pair):
    for seed in range(12):
        names = draw_names(np.random.default_rng(seed), cells(seed), pair)
        counts = [names.count(label) for label in pair]
        assert min(counts) >= 1 and sum(counts) <= len(names)
        if "bud neck" in pair:
            assert counts[0] < 0.27 * len(names)
        else:
            assert abs(counts[0] - counts[1]) < 0.1 * len(names)


def test_the_smallest_field_shows_its_labels_too():
    for seed in range(12):
        rngs = [np.random.default_rng([seed, k]) for k in range(4)]
        found = draw(rngs, ("bud neck",), (64, 64), 1.0, draw_batch(np.random.default_rng(0), 2))
        assert "bud neck" in [own for _, _, own in found.cells]


def test_cells_on_the_field_come_first():
    for seed in range(12):
        on = [0 <= cell.y < 600 and 0 <= cell.x < 600 for cell in cells(seed)]
        assert on[0] and on == sorted(on, reverse=True) and cells(seed)[0].bud is not None


def test_fields_are_sparse_and_about_half_of_the_cells_have_buds():
    numbers = [cells(seed) for seed in range(15)]
    assert np.mean([cell.bud is not None for there in numbers for cell in there]) == pytest.approx(0.57, abs=0.07)
    assert max(map(len, numbers)) > 2 * min(map(len, numbers))
    covered = [sum(np.pi * cell.mother.size**2 for cell in there) / 600**2 for there in numbers]
    assert max(covered) < 0.35
