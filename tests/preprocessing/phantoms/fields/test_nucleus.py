"""Nuclei: as many, as large and as bright as a Look says, and inside their cell."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.geometry import draw_shape, view_around
from preprocessing.phantoms.fields.looks import DIVIDING, MECHANISMS, UNTREATED
from preprocessing.phantoms.fields.nucleus import depths, draw_nuclei, paint_dna
from preprocessing.phantoms.fields.texture import Texture


def drawn(look, seed=0):
    """(nuclei, DNA (100, 100), depth in the nuclei, depth in the cell) of one cell."""
    rng = np.random.default_rng(seed)
    cell = draw_shape(rng, 50, 50, look.radius, look.longer, look.lobes)
    nuclei, view = draw_nuclei(rng, look, cell), view_around(50, 50, 50, (100, 100), 1.0)
    deep = depths(nuclei, view)
    return nuclei, paint_dna(rng, look, nuclei, view, Texture(rng, view, cell), deep, 1.0), deep, cell.depth(view)


def counts(look):
    return [len(drawn(look, seed)[0]) for seed in range(60)]


def test_numbers_of_nuclei_follow_the_look():
    assert np.mean(counts(UNTREATED)) < 1.05
    assert np.mean(counts(MECHANISMS["Microtubule stabilizers"])) == pytest.approx(2.9, abs=0.5)
    assert np.mean(counts(MECHANISMS["Microtubule destabilizers"])) == pytest.approx(4.6, abs=0.7)


@pytest.mark.parametrize("name", MECHANISMS)
def test_dna_is_finite_not_negative_and_hardly_ever_outside_the_cell(name):
    for seed in range(6):
        _, dna, deep, cell = drawn(MECHANISMS[name], seed)
        assert np.isfinite(dna).all() and dna.min() >= 0 and dna.max() > 0.2
        assert dna[cell < 0].sum() < 0.05 * dna.sum()
        if not MECHANISMS[name].rosette:
            assert not dna[deep < -1].any()


def test_dna_is_shared_out_over_the_nucleus():
    amounts = {}
    for size in (8.0, 16.0):
        look = UNTREATED._replace(nucleus=size, radius=40.0)
        amounts[size] = np.mean([drawn(look, seed)[1].sum() for seed in range(10)])
    assert amounts[8.0] == pytest.approx(amounts[16.0], rel=0.15)


def test_a_rosette_is_hollow_and_a_plate_is_long():
    _, ring, deep, _ = drawn(MECHANISMS["Eg5 inhibitors"], 1)
    middle = np.unravel_index(deep.argmax(), deep.shape)
    assert ring[middle] < 0.5 * ring.max()
    nuclei, plate, _, _ = drawn(DIVIDING, 1)
    along, across = view_around(50, 50, 50, (100, 100), 1.0).turned(nuclei[0].y, nuclei[0].x, nuclei[0].turn)
    spread = [np.sqrt(np.average(np.square(part), weights=plate)) for part in (along, across)]
    assert spread[1] > 2 * spread[0]


def test_damaged_nuclei_are_large_and_those_of_aurora_inhibitors_lobed():
    damaged, lobed = (
        [drawn(MECHANISMS[name], seed)[0][0].radius for seed in range(20)]
        for name in ("DNA damage", "Aurora kinase inhibitors")
    )
    assert np.mean(damaged) > 1.4 * UNTREATED.nucleus
    bumps = [np.mean([r.std() / r.mean() for r in radii]) for radii in (damaged, lobed)]
    assert bumps[1] > 2 * bumps[0]
