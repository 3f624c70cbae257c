"""Nuclei: stamped with their area, found where there is a chance of them, the same whatever the block."""

import numpy as np
import pytest

from preprocessing.phantoms.slides.nuclei import POPULATIONS, REACH, Bodies, stamp

PLAIN = POPULATIONS["lymphocyte"]


def found(population, chance, top=0.0, left=0.0, seed=0):
    return Bodies(np.random.default_rng(seed), population).found(chance, top, left, 2.0, np.zeros_like(chance))


@pytest.mark.parametrize("pixel", (0.5, 1.0, 2.0))
def test_a_nucleus_holds_its_area_of_stain_at_any_pixel(pixel):
    body = {name: np.array([value]) for name, value in zip(("y", "x", "size", "longer", "turn"), (40.3, 39.1, 6, 1.2, 1))}
    body.update(phase=np.array([0.5]), stain=np.array([1.0]))
    plane = np.zeros((round(80 / pixel),) * 2, "f4")
    stamp(plane, PLAIN, body, pixel / 2, pixel / 2, pixel)
    assert plane.sum() * pixel**2 == pytest.approx(np.pi * 36, rel=0.03)
    rows, columns = np.nonzero(plane)
    assert ((rows + 0.5) * pixel).mean() == pytest.approx(40.3, abs=pixel)
    assert ((columns + 0.5) * pixel).mean() == pytest.approx(39.1, abs=pixel)


def test_nuclei_lie_only_where_there_is_a_chance_and_as_dense_as_it_says():
    chance = np.zeros((300, 300))
    chance[:, 150:] = 0.5
    body = found(PLAIN, chance)
    assert body["x"].min() > 297
    squares = 600 * 300 / PLAIN.spacing**2
    assert len(body["x"]) == pytest.approx(0.5 * squares, rel=0.15)


def test_a_block_has_the_nuclei_that_the_whole_has_there():
    whole, part = found(PLAIN, np.full((400, 400), 0.5)), found(PLAIN, np.full((100, 150), 0.5), 200.0, 300.0)
    inside = (abs(whole["y"] - 300) < 90) & (abs(whole["x"] - 450) < 140)
    there = (abs(part["y"] - 300) < 90) & (abs(part["x"] - 450) < 140)
    assert sorted(zip(whole["y"][inside], whole["x"][inside])) == sorted(zip(part["y"][there], part["x"][there]))


@pytest.mark.parametrize("name, least, most", [("tumour", 12, 18), ("epithelial", 6, 10), ("lymphocyte", 5.5, 7.5)])
def test_diameters_are_those_of_textbooks(name, least, most):
    size = 2 * found(POPULATIONS[name], np.ones((400, 400)))["size"]
    assert least <= np.quantile(size, 0.1) and np.quantile(size, 0.9) <= most


@pytest.mark.parametrize("name", POPULATIONS)
def test_no_body_reaches_farther_than_is_drawn_around_a_block(name):
    body = found(POPULATIONS[name], np.ones((400, 400)))
    assert (body["size"] * body["longer"] * (1 + POPULATIONS[name].lobes)).max() <= REACH


def test_spindles_lie_along_the_fibres():
    chance = np.ones((200, 200))
    bodies = Bodies(np.random.default_rng(0), POPULATIONS["spindle"])
    turn = bodies.found(chance, 0, 0, 2.0, np.full(chance.shape, 0.7))["turn"]
    assert np.abs(turn - 0.7).max() < 0.3
