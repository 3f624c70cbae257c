import collections

import numpy as np
import pytest

from preprocessing.cohort import Volume, draw
from preprocessing.errors import UsageError


def volumes(positives, negatives):
    """One volume a patient."""
    return [Volume(f"v{k}", f"p{k}", int(k < positives)) for k in range(positives + negatives)]


def many(patients, count, prevalence, seed=0):
    """Several volumes a patient, positive and negative."""
    random = np.random.default_rng(seed)
    return [
        Volume(f"v{k}", f"p{random.integers(patients)}", int(random.random() < prevalence))
        for k in range(count)
    ]


def table(cohort, split, fold):
    """{split: (positives, negatives)}"""
    found = collections.Counter(
        (split.of(one.id, fold), one.label) for one in cohort if one.id in split.place
    )
    return {name: (found[name, 1], found[name, 0]) for name in ("train", "validation", "test")}


def test_table_1_of_the_paper():
    cohort = volumes(525, 4357)
    split = draw(cohort, seed=0)
    assert split.left_out == []
    for fold in range(5):
        assert table(cohort, split, fold) == {
            "train": (336, 336),
            "validation": (84, 84),
            "test": (105, 3937),
        }


def test_each_development_volume_is_validation_once():
    cohort = volumes(525, 4357)
    split = draw(cohort)
    counted = collections.Counter(
        one.id for fold in range(5) for one in cohort if split.of(one.id, fold) == "validation"
    )
    assert set(counted.values()) == {1} and len(counted) == 840


@pytest.mark.parametrize("positives", [10, 25, 100])
def test_half_positive_cohorts_keep_negatives_for_test(positives):
    cohort = volumes(positives, positives)
    split = draw(cohort)
    share = positives // 5
    for fold in range(5):
        found = table(cohort, split, fold)
        assert found["test"] == (share, share)
        assert found["train"][0] == found["train"][1] and found["validation"][0] == found["validation"][1] > 0


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("patients", "count", "prevalence"), [(1500, 4882, 0.11), (60, 150, 0.4), (40, 60, 0.5), (300, 500, 0.05)]
)
def test_no_patient_spans_two_places(patients, count, prevalence, seed):
    cohort = many(patients, count, prevalence, seed)
    split = draw(cohort, seed)
    places = collections.defaultdict(set)
    for one in cohort:
        if one.id in split.place:
            places[one.patient].add(split.place[one.id])
    assert all(len(found) == 1 for found in places.values())
    assert {one.id for one in cohort if one.label} <= set(split.place)
    assert set(split.place) | set(split.left_out) == {one.id for one in cohort}
    assert not set(split.place) & set(split.left_out)


@pytest.mark.parametrize("seed", range(5))
def test_several_volumes_a_patient_keep_the_counts_near(seed):
    cohort = many(1500, 4882, 0.11, seed)
    split = draw(cohort, seed)
    positives = sum(one.label for one in cohort)
    for fold in range(5):
        found = table(cohort, split, fold)
        assert found["train"][0] == found["train"][1] and found["validation"][0] == found["validation"][1]
        assert (
            abs(found["test"][0] - 0.2 * positives) <= 4
            and abs(found["validation"][0] - 0.16 * positives) <= 4
        )


def test_what_is_left_out_is_negative_and_of_patients_in_training():
    cohort = many(1500, 4882, 0.11)
    split = draw(cohort)
    by_id = {one.id: one for one in cohort}
    kept = {by_id[id].patient for id, place in split.place.items() if place != "test"}
    assert split.left_out
    assert all(by_id[id].label == 0 and by_id[id].patient in kept for id in split.left_out)


def test_training_negatives_mix_the_patients_as_the_cohort_does():
    """Patients with positives must not be the only source of negatives while there are others."""
    cohort = many(1500, 4882, 0.11)
    split = draw(cohort)
    ill = {one.patient for one in cohort if one.label}
    negatives = [one for one in cohort if one.label == 0]
    drawn = [one.patient in ill for one in negatives if split.place.get(one.id, "test") != "test"]
    pool = [
        one.patient in ill for one in negatives if split.place.get(one.id) != "test" or one.patient not in ill
    ]
    assert abs(np.mean(drawn) - np.mean(pool)) < 0.05


def test_a_patient_too_large_for_a_fold_is_taken_in_part():
    cohort = [Volume(f"v{k}", f"p{k}", 1) for k in range(6)]
    cohort += [Volume(f"n{k}", f"q{k // 3}", 0) for k in range(24)]  # three negatives each, one wanted a fold
    split = draw(cohort)
    for fold in range(5):
        assert table(cohort, split, fold)["validation"] == (1, 1)
    assert len(split.left_out) == 10


def test_few_negatives_are_shared_out_and_not_balanced():
    cohort = volumes(150, 50)
    assert table(cohort, draw(cohort), 0) == {"train": (96, 32), "validation": (24, 8), "test": (30, 10)}


def test_the_seed_alone_decides():
    cohort = many(300, 900, 0.2)
    shuffled = [cohort[k] for k in np.random.default_rng(5).permutation(len(cohort))]
    assert draw(cohort, 3) == draw(shuffled, 3) != draw(cohort, 4)


@pytest.mark.parametrize(("folds", "fraction"), [(2, 0.5), (3, 0.2), (10, 0.1)])
def test_other_folds_and_fractions(folds, fraction):
    cohort = volumes(100, 400)
    found = table(cohort, draw(cohort, folds=folds, test_fraction=fraction), 0)
    assert found["test"][0] == 100 * fraction
    assert sum(found["train"]) + sum(found["validation"]) == 2 * 100 * (1 - fraction)


@pytest.mark.parametrize(
    ("cohort", "options", "message"),
    [
        (
            volumes(5, 50),
            {},
            "Expected at least 6 patients with positive volumes, .* Received: 5; use fewer --folds",
        ),
        (volumes(50, 5), {}, "Expected at least 6 patients with negative volumes"),
        (volumes(50, 50), {"folds": 1}, "Expected at least 2 folds"),
        (volumes(50, 50), {"test_fraction": 1.0}, r"a test fraction in \(0, 1\)\. Received: 5 and 1\.0"),
        ([*volumes(9, 9), Volume("x", "x", -1)], {}, "Expected labels 0 or 1. Received: -1 of x"),
        (volumes(9, 9) * 2, {}, "Expected every id once"),
    ],
)
def test_a_cohort_that_cannot_be_split_is_refused_in_one_line(cohort, options, message):
    with pytest.raises(UsageError, match=message) as caught:
        draw(cohort, **options)
    assert "\n" not in str(caught.value)
