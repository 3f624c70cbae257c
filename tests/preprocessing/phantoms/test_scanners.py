"""Phantoms of other scanners: the standard's bytes stay, and the others differ in what they say they do."""

import csv
import hashlib

import numpy as np
import pytest

from preprocessing.phantoms import generate
from preprocessing.phantoms.cohort import make_cohort, slice_types
from preprocessing.phantoms.scanners import SCANNERS, streams

# sha256 of voxels and mask of the phantoms (0, 0) and (0, 3) with a bleed at 48 pixels, before there were scanners
STANDARD = {0: "d89ebab2a15c9df1", 3: "cd360dd584e83e1d"}
N = 6


@pytest.fixture(scope="module")
def heads():
    """{scanner: [Phantom]}, six of each with a bleed, 64 pixels."""
    return {name: [generate(1, index, 64, True, scanner=name) for index in range(N)] for name in SCANNERS}


@pytest.mark.parametrize("index", STANDARD)
def test_standard_phantoms_keep_their_bytes(index):
    made = generate(0, index, 48, True)
    assert hashlib.sha256(made.volume.tobytes() + made.mask.tobytes()).hexdigest()[:16] == STANDARD[index]


def test_no_two_scanners_share_a_head():
    seeds = [tuple(streams(name, 0, index, 1)[0].generate_state(4)) for name in SCANNERS for index in range(50)]
    assert len(set(seeds)) == len(seeds)
    with pytest.raises(ValueError, match="Expected a scanner of standard, shifted, low. Received: 'old'"):
        generate(0, 0, 48, scanner="old")


def test_slices_are_as_thick_as_their_scanner_makes_them(heads):
    for name, some in heads.items():
        assert {each.spacing[2] for each in some} <= set(SCANNERS[name].spacings)
    assert max(p.spacing[2] for p in heads["shifted"]) < 3 < 7 < min(p.spacing[2] for p in heads["low"])


def test_low_quality_is_noisier_and_blood_stays_blood(heads):
    noise = {name: np.median([_grain(each) for each in some]) for name, some in heads.items()}
    assert noise["low"] > 1.2 * noise["standard"]
    blood = {name: np.median(np.concatenate([p.volume[p.mask > 0] for p in some])) for name, some in heads.items()}
    assert all(45 < value < 80 for value in blood.values())


def test_heads_are_smaller_at_the_other_hospital():
    """The same draws, with the factor and without."""
    wide = [np.ptp(np.nonzero(generate(2, k, 64, False, scanner="shifted").brain)[0]) for k in range(4)]
    assert SCANNERS["shifted"].head < 1 and max(wide) < 64 * 0.75


def test_types_of_slices_agree_with_the_mask():
    made = generate(1, 2, 64, True, (1, 2))
    for mask, found in zip(made.mask.transpose(2, 0, 1), slice_types(made)):
        names = {0: "", 1: "epidural", 2: "subdural"}
        kinds = [kind for kind in (1, 2) if (mask == kind).any()]
        assert found in ("-1", "+".join(names[kind] for kind in kinds))
        assert found != "-1" or kinds


def test_a_cohort_of_a_scanner_has_a_table_of_types(tmp_path):
    make_cohort(tmp_path, 3, 32, scanner="low")
    with open(tmp_path / "types.csv", newline="") as file:
        types = list(csv.DictReader(file))
    with open(tmp_path / "slices.csv", newline="") as file:
        slices = list(csv.DictReader(file))
    assert [(row["id"], row["source_index"]) for row in types] == [(row["id"], row["source_index"]) for row in slices]
    assert all(one["label"] == "0" for one, other in zip(slices, types) if other["type"] == "")


def _grain(phantom):
    """HU of what is finer than two pixels in the brain."""
    middle = phantom.volume[:, :, phantom.volume.shape[2] // 2].astype(float)
    inside = (phantom.brain & (phantom.mask == 0))[:, :, phantom.volume.shape[2] // 2] > 0
    step = np.diff(middle, axis=0)[inside[1:] & inside[:-1]]
    return np.median(np.abs(step)) / 0.6745 / np.sqrt(2)
