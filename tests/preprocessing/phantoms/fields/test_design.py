"""The screen's design: classes take turns, wells and plates are as in a screen, seeds have plates of their own."""

from collections import Counter, defaultdict

import pytest

from preprocessing.phantoms.fields.design import TREATMENTS, WELLS, batch_rng, field_rngs, place_of

N = {"mechanisms": 900, "localisation": 400}


@pytest.fixture
def places(kind):
    return [place_of(kind, 3, index) for index in range(N[kind])]


def test_ids_are_unique_and_made_of_plate_well_and_site(places):
    assert len({place.id for place in places}) == len(places)
    for place in places:
        assert place.id == f"{place.plate}_{place.well}_s{place.site}" and place.well in WELLS
        assert 1 <= place.site <= 4 and 1 <= place.replicate <= 3


def test_one_well_has_one_treatment_and_one_set_of_labels(places):
    wells = defaultdict(set)
    for place in places:
        wells[place.plate, place.well].add((place.labels, place.compound, place.concentration))
    assert {len(contents) for contents in wells.values()} == {1}


def test_a_treatment_has_its_labels_in_every_replicate(places):
    labels, replicates = defaultdict(set), defaultdict(set)
    for place in places[: len(places) // 36 * 36]:
        key = place.week, place.compound, place.concentration, place.site
        labels[key].add(place.labels)
        replicates[key].add((place.replicate, place.plate))
    assert {len(found) for found in labels.values()} == {1}
    assert sum(len(found) == 3 for found in replicates.values()) > 0.9 * len(replicates)


def test_plates_are_by_week_and_replicate(places):
    plates = defaultdict(set)
    for place in places:
        plates[place.plate].add((place.week, place.replicate))
    assert {len(found) for found in plates.values()} == {1}
    assert len(set.union(*plates.values())) == len(plates) >= 6


def test_wells_have_one_to_four_sites(places):
    sites = Counter(place.id.rsplit("_s", 1)[0] for place in places)
    assert max(sites.values()) <= 4 and len(set(sites.values())) >= 3


def test_no_plate_is_of_a_few_classes_only(kind):
    classes = {"mechanisms": 12, "localisation": 10}[kind]
    first = [place_of(kind, 3, index) for index in range(24 * classes)]
    assert {place.week for place in first} == {0} and place_of(kind, 3, 24 * classes).week == 1
    counts = Counter((place.plate, index % classes) for index, place in enumerate(first))
    assert set(counts.values()) == {8} and len(counts) == 3 * classes


@pytest.mark.parametrize("n", (12, 120, 240))
def test_mechanisms_take_turns(n):
    counts = Counter(place_of("mechanisms", 0, index).labels for index in range(n))
    assert set(counts.values()) == {n // 12} and {len(labels) for labels in counts} == {1}


def test_a_third_of_the_strains_sits_in_two_places():
    strains = {p.compound: p.labels for p in (place_of("localisation", 0, i) for i in range(3000))}
    share = sum(len(labels) == 2 for labels in strains.values()) / len(strains)
    assert {len(labels) for labels in strains.values()} == {1, 2} and 0.25 < share < 0.45
    assert all(list(labels) == sorted(set(labels)) for labels in strains.values())


def test_seeds_share_no_plate(kind):
    one, other = ({place_of(kind, seed, index).plate for index in range(200)} for seed in (0, 1))
    assert not one & other


def test_two_to_four_treatments_a_mechanism_of_different_strength():
    for ways in TREATMENTS.values():
        assert 2 <= len(ways) <= 4 and len({(c, a) for c, a, _ in ways}) == len({s for *_, s in ways}) == len(ways)
        assert all(0.7 <= strength <= 1 for *_, strength in ways)


def test_fields_of_a_plate_share_its_imaging_and_not_their_chance():
    first, second = (place_of("mechanisms", 0, index) for index in (0, 1))
    assert first.plate == second.plate
    assert batch_rng(0, first).random() == batch_rng(0, second).random()
    numbers = [rng.random() for index in (0, 1) for rng in field_rngs(0, index)]
    assert len(set(numbers)) == 8
