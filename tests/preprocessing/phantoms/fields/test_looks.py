"""Looks: the twelve mechanisms of the screen, each its own; a weak treatment lies between."""

import csv
from pathlib import Path

import numpy as np
import pytest

from preprocessing.phantoms.fields.design import TREATMENTS
from preprocessing.phantoms.fields.looks import MECHANISMS, UNTREATED, mixed, varied

GENUINE = Path(__file__).parents[4].parent / "shared/data/label_formats/BBBC021_v1_moa.csv"


def test_no_two_mechanisms_look_the_same_and_none_looks_untreated():
    looks = [UNTREATED, *MECHANISMS.values()]
    scale = np.ptp(looks, 0) + 1e-9
    for k, look in enumerate(looks):
        assert all(np.count_nonzero(np.abs(np.subtract(look, other)) / scale > 0.1) >= 5 for other in looks[:k])


@pytest.mark.parametrize("strength", (0.0, 0.4, 1.0))
def test_strength_goes_from_untreated_to_the_full_effect(strength):
    look = mixed(MECHANISMS["DNA damage"], strength)
    assert look.nucleus == pytest.approx(11 + strength * 6) and look.stress == pytest.approx(0.35 + strength * 0.75)


def test_cells_vary_around_their_look_and_shares_stay_shares():
    looks = [varied(np.random.default_rng(k), MECHANISMS["Eg5 inhibitors"]) for k in range(300)]
    assert np.median([look.radius for look in looks]) == pytest.approx(16, rel=0.03)
    assert np.std([look.radius for look in looks]) == pytest.approx(1.9, rel=0.2)
    assert max(look.rosette for look in looks) <= 1 <= min(look.longer for look in looks)


def test_names_and_treatments_are_those_of_the_screen():
    if not GENUINE.exists():
        pytest.skip(f"{GENUINE} is not there")
    with open(GENUINE, newline="") as file:
        rows = {(r["compound"], float(r["concentration"]), r["moa"]) for r in csv.DictReader(file)}
    assert {moa for _, _, moa in rows} == {*MECHANISMS, "DMSO"}
    assert {(c, float(a), moa) for moa, ways in TREATMENTS.items() for c, a, _ in ways} <= rows
