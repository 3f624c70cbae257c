"""Tubulin and actin: where a Look puts them."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.cytoplasm import bell, paint_actin, paint_tubulin, vacuoles
from preprocessing.phantoms.fields.geometry import draw_shape, view_around
from preprocessing.phantoms.fields.looks import MECHANISMS, UNTREATED
from preprocessing.phantoms.fields.nucleus import depths, draw_nuclei
from preprocessing.phantoms.fields.texture import Texture


class Cell:
    """One cell alone on 120 x 120 pixels, painted."""

    def __init__(self, look, seed=0):
        rng = np.random.default_rng(seed)
        self.look, self.shape = look, draw_shape(rng, 60, 60, look.radius, look.longer, look.lobes)
        self.nuclei, self.view = draw_nuclei(rng, look, self.shape), view_around(60, 60, 60, (120, 120), 1.0)
        texture = Texture(rng, self.view, self.shape)
        self.deep, self.dip = self.shape.depth(self.view), depths(self.nuclei, self.view)
        self.inside = self.deep > 0
        self.tubulin = paint_tubulin(rng, look, self.shape, self.nuclei, self.view, texture, self.deep, self.dip)
        self.actin = paint_actin(look, self.shape, self.nuclei, texture, self.deep, self.deep, self.dip)
        self.left = vacuoles(look, texture, self.dip)


@pytest.mark.parametrize("name", MECHANISMS)
def test_light_is_finite_and_there(name):
    cell = Cell(MECHANISMS[name])
    for plane in (cell.tubulin, cell.actin):
        assert np.isfinite(plane).all() and plane[cell.inside].min() > -0.1 and plane[cell.inside].mean() > 0.1


def test_epithelial_actin_lies_at_the_rim_and_disrupted_actin_does_not():
    def rim(name):
        cell = Cell(MECHANISMS[name])
        return cell.actin[cell.inside & (cell.deep < 3)].mean() / cell.actin[cell.inside & (cell.deep > 6)].mean()

    assert rim("Epithelial") > 5 and rim("Actin disruptors") < 2


def test_disrupted_actin_is_in_clumps():
    cell = Cell(MECHANISMS["Actin disruptors"])
    assert np.quantile(cell.actin[cell.inside], 0.97) > 6 * np.median(cell.actin[cell.inside])


def test_tubulin_is_even_without_microtubules_and_in_cables_with_stabilizers():
    def rough(name):
        cell = Cell(MECHANISMS[name])
        there = cell.inside & (cell.deep > 3) & (cell.dip < -4)
        return cell.tubulin[there].std() / cell.tubulin[there].mean()

    assert rough("Microtubule destabilizers") < 0.25 < 0.4 < rough("Microtubule stabilizers")


@pytest.mark.parametrize("name, least", [("Eg5 inhibitors", 3), ("Protein degradation", 3)])
def test_one_spot_outshines_the_rest(name, least):
    cell = Cell(MECHANISMS[name])
    assert cell.tubulin.max() > least * np.median(cell.tubulin[cell.inside])


def test_ruffles_lie_away_from_the_nucleus():
    for seed in range(5):
        cell = Cell(MECHANISMS["Kinase inhibitors"], seed)
        rows, columns = np.nonzero(cell.inside & (cell.actin > 1))
        nucleus = cell.nuclei[0]
        way = np.array([cell.shape.y - nucleus.y, cell.shape.x - nucleus.x])
        assert np.dot([rows.mean() - cell.shape.y, columns.mean() - cell.shape.x], way) > 0


def test_vacuoles_spare_the_nucleus():
    cell = Cell(MECHANISMS["Protein degradation"])
    assert cell.left[cell.inside].min() < 0.3 and (cell.left[cell.dip > 0] == 1).all()
    assert (Cell(UNTREATED).left == 1).all()


def test_a_bell_falls_to_one_e_th_at_its_width():
    np.testing.assert_allclose(bell(np.float32([0, 2, -2]), 2), [1, np.exp(-1), np.exp(-1)], rtol=1e-6)
