import collections

import numpy as np
import pytest

from preprocessing.cohort import Volume
from preprocessing.errors import UsageError
from preprocessing.whole import draw_whole


def slices(ill, healthy, each=10, seed=0):
    """Slices of patients, of whom the first `ill` have some positive ones, the first slice among them."""
    positive = np.random.default_rng(seed).random((ill + healthy, each)) < 0.3
    positive[:, 0], positive[ill:] = True, False
    return [Volume(f"s{p}/{k}", f"p{p:03d}", int(positive[p, k])) for p in range(ill + healthy) for k in range(each)]


def parts(cohort, split):
    """{part: [patients with positives, patients without]}"""
    ill = {one.patient for one in cohort if one.label}
    found = collections.defaultdict(lambda: [set(), set()])
    for one in cohort:
        found[split.of(one.id, 0)][one.patient not in ill].add(one.patient)
    return {name: [len(each) for each in both] for name, both in found.items()}


def test_97_to_3_of_the_patients_that_are_not_test():
    cohort = slices(500, 1000, each=2)
    split = draw_whole(cohort, 0, 0.03, 0.2)
    assert parts(cohort, split) == {"test": [100, 200], "validation": [12, 24], "train": [388, 776]}


def test_the_test_set_may_be_another_data_set():
    cohort = slices(50, 50)
    assert parts(cohort, draw_whole(cohort, 0, 0.03, 0)) == {"validation": [2, 2], "train": [48, 48]}


@pytest.mark.parametrize("seed", range(10))
def test_patients_are_whole_and_nothing_is_left_out(seed):
    cohort = slices(*np.random.default_rng(seed).integers(3, 40, 2), seed=seed)
    split = draw_whole(cohort, seed, 0.1, 0.3)
    assert set(split.place) == {one.id for one in cohort} and not split.left_out and split.folds == 1
    places = collections.defaultdict(set)
    for one in cohort:
        places[one.patient].add(split.of(one.id, 0))
    assert all(len(found) == 1 for found in places.values())


def test_each_part_gets_a_patient_of_either_kind_while_there_are_enough():
    assert parts(slices(3, 3), draw_whole(slices(3, 3), 0, 0.03, 0.2)) == dict.fromkeys(
        ("train", "validation", "test"), [1, 1]
    )
    cohort = slices(20, 1)
    assert parts(cohort, draw_whole(cohort, 0, 0.03, 0.2)) == {"test": [4, 0], "validation": [1, 0], "train": [15, 1]}


def test_the_seed_alone_decides():
    cohort = slices(30, 30)
    turned = [cohort[k] for k in np.random.default_rng(5).permutation(len(cohort))]
    assert draw_whole(cohort, 3, 0.1, 0.2) == draw_whole(turned, 3, 0.1, 0.2) != draw_whole(cohort, 4, 0.1, 0.2)


@pytest.mark.parametrize(("cohort", "fractions", "message"), [
    (slices(9, 9), (0, 0.2), r"a validation fraction in \(0, 1\) .* Received: 0 and 0.2"),
    (slices(9, 9), (0.03, 1), r"a test fraction in \[0, 1\)\. Received: 0.03 and 1"),
    (slices(2, 9), (0.03, 0.2), "Received: no positive one in validation"),
    (slices(9, 0, each=1), (0.03, 0.2), "Received: no negative one in training"),
    (slices(3, 3), (0.03, 0.99), "Received: no positive one in training; use other fractions or another --seed"),
    ([*slices(9, 9), Volume("x", "x", -1)], (0.03, 0.2), "Expected labels 0 or 1. Received: -1 of x"),
    (slices(9, 9) * 2, (0.03, 0.2), "Expected every id once"),
])
def test_what_cannot_be_shared_out_is_refused_in_one_line(cohort, fractions, message):
    with pytest.raises(UsageError, match=message) as caught:
        draw_whole(cohort, 0, *fractions)
    assert "\n" not in str(caught.value)
