"""Compartments: the light of each lies where its name says."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.geometry import view_around
from preprocessing.phantoms.fields.localisations import LOCALISATIONS, draw_yeast, marker, paint_protein
from preprocessing.phantoms.fields.texture import Texture


class Cell:
    """One budding cell on 100 x 100 pixels, with its protein."""

    def __init__(self, name, seed=0, bud=9.0):
        rng = np.random.default_rng(seed)
        self.yeast, self.view = draw_yeast(rng, (50, 50), 16.0, bud), view_around(50, 50, 50, (100, 100), 1.0)
        self.deep, self.texture = self.yeast.depth(self.view), Texture(rng, self.view, self.yeast.mother)
        self.inside = self.deep > 0
        self.light = paint_protein(rng, name, self.yeast, self.view, self.texture, self.deep)
        self.nucleus, self.vacuole = (part.depth(self.view) for part in (self.yeast.nucleus, self.yeast.vacuole))

    def share(self, where):
        """Share of the cell's bright light (over half of the most) that lies in a part."""
        bright = self.inside & (self.light > 0.5 * self.light[self.inside].max())
        return np.count_nonzero(bright & where) / np.count_nonzero(bright)


PARTS = {
    "cell periphery": lambda c: c.deep < 4,
    "cytoplasm": lambda c: (c.nucleus < 1) & (c.vacuole < 1),
    "endoplasmic reticulum": lambda c: (np.abs(c.nucleus) < 2.5) | (c.deep < 5),
    "mitochondrion": lambda c: (c.nucleus < 1) & (c.vacuole < 1),
    "nucleus": lambda c: c.nucleus > -1,
    "spindle pole": lambda c: np.abs(c.nucleus) < 4,
    "vacuolar membrane": lambda c: np.abs(c.vacuole) < 2.5,
    "vacuole": lambda c: c.vacuole > -1,
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", range(3))
def test_light_is_in_its_compartment(name, seed):
    cell = Cell(name, seed)
    assert cell.share(PARTS[name](cell)) > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_neck_lies_between_mother_and_bud(seed):
    cell = Cell("bud neck", seed)
    far = [np.abs(part.depth(cell.view)) for part in (cell.yeast.mother, cell.yeast.bud)]
    assert cell.share((far[0] < 4) & (far[1] < 7)) > 0.9


def test_endosomes_are_few_spots():
    from scipy.ndimage import label

    cell = Cell("endosome", 2)
    assert 1 <= label(cell.light > 2)[1] <= 8
    assert np.count_nonzero(cell.light > 2) < 0.15 * np.count_nonzero(cell.inside)


def test_a_cell_that_shows_nothing_is_even_and_faint():
    cell = Cell("")
    assert cell.light[cell.inside].std() < 0.1 * cell.light[cell.inside].mean()
    assert cell.light[cell.inside].mean() < 0.5 * Cell("cytoplasm").light[cell.inside].max()


def test_the_marker_is_dark_in_the_vacuole_only():
    cell = Cell("nucleus")
    light = marker(cell.yeast, cell.view, cell.texture, cell.deep)
    assert light[cell.vacuole > 1].mean() < 0.5 * light[cell.inside & (cell.vacuole < -1)].mean()


def test_a_cell_reaches_as_far_as_its_bud():
    with_bud, without = Cell("nucleus", 1).yeast, Cell("nucleus", 1, bud=0.0).yeast
    assert without.bud is None and with_bud.radius.max() > without.radius.max() + 9
    assert not (Cell("nucleus", 1).inside & (Cell("nucleus", 1).view.polar(50, 50)[0] > with_bud.radius.max())).any()


def test_few_cells_show_what_comes_and_goes_with_the_cycle():
    sparse = {name for name, place in LOCALISATIONS.items() if place.density[1] <= 0.4}
    assert sparse == {"bud neck", "spindle pole"}
    assert all(0 < low < high < 1 for low, high in (place.density for place in LOCALISATIONS.values()))
