"""The paper's cohort (remedios2020, section 2.1 and Table 1): a test set, folds, undersampled negatives;
patients never cut.

20 % of the positive volumes are withheld for test. The rest lies in F folds; a fold is validation once, and
training for the others, so that validation is 1/F (20 % at five folds) of the rest. Negatives are
undersampled at random to as many as the positives, fold by fold, and all others go to the test set, which is
the same for every fold.

With several volumes a patient this cannot be exact. What is kept, first things first:
1. A patient is in one place only: in test, or in one fold.
2. Every positive volume is used. Patients with positives are dealt in random order to places drawn in
   proportion to the room left there, so that a place exceeds its share by less than one patient, and no place
   stays empty.
3. A fold has as many negatives as positives, drawn at random as in the paper: those of the fold's own
   patients by their proportion among all that could be drawn (more where the others would not suffice), so
   that training does not learn "a healthy scan is the follow-up of a bleeding patient". Own negatives that
   are not drawn are left out, as their patients are in training. The others come from patients without any
   positive volume, whole while one fits; where none fits, one is taken in part.
4. All other negatives are test. Left out is only what rule 3 names; with one volume a patient that is
   nothing.
Where there are fewer negatives than positives, each fold gets its share of 1 - test fraction of them instead,
and the folds are not balanced.
"""

import collections
from typing import NamedTuple

import numpy as np

from preprocessing.errors import UsageError

TEST_FRACTION = 0.2  # remedios2020, section 2.1
FOLDS = 5  # remedios2020, section 3 ("five-fold cross-validation"); validation is 20 % of the rest


class Volume(NamedTuple):
    """One row of the cohort."""

    id: str
    patient: str
    label: int


class Split(NamedTuple):
    """Where every volume is: `place` {id: "test", the fold whose validation it is, or "train" where it is that in every
    fold}; `left_out` ids that are nowhere.
    """

    place: dict
    left_out: list
    folds: int

    def of(self, id, fold):
        """The split of a volume in a fold."""
        place = self.place[id]
        return "test" if place == "test" else "validation" if place == fold else "train"


def draw(volumes, seed=0, folds=FOLDS, test_fraction=TEST_FRACTION):
    """Returns the Split of [Volume]; the same volumes in any order and the same seed give the same split.

    Raises UsageError where a test set or a fold would lack positives or negatives.
    """
    patients = by_patient(volumes)
    positives, negatives = (sum(volume.label == wanted for volume in volumes) for wanted in (1, 0))
    _check(volumes, patients, folds, test_fraction)
    random = np.random.default_rng(seed)
    places = ["test", *range(folds)]
    shares = _shares(positives, folds, test_fraction)
    ill = [group for group in patients if any(volume.label for volume in group)]
    dealt = _deal_positives(shuffled(ill, random), dict(zip(places, shares)), random)
    rooms = _negative_rooms(dealt, positives, negatives, folds, test_fraction)
    healthy = [group for group in patients if not any(volume.label for volume in group)]
    place, left_out = _place_groups(dealt, rooms, sum(map(len, healthy)) * (1 - test_fraction), random)
    _deal_negatives(shuffled(healthy, random), rooms, place, left_out, random)
    split = Split(place, sorted(left_out), folds)
    _check_all_filled(split, volumes)
    return split


def by_patient(volumes):
    """[[Volume] of each patient], in the order of their names."""
    groups = collections.defaultdict(list)
    for volume in sorted(volumes):
        groups[volume.patient].append(volume)
    return [groups[patient] for patient in sorted(groups)]


def _shares(total, folds, test_fraction):
    """[test, fold 0, ...]: whole numbers that sum to `total`; the first folds take what does not divide."""
    test = max(1, round(test_fraction * total))
    each, more = divmod(total - test, folds)
    return [test] + [each + (fold < more) for fold in range(folds)]


def _deal_positives(groups, room, random):
    """{place: [patients]}; draws a place in proportion to its room, but fills an empty one while there are
    patients for it.
    """
    dealt = {place: [] for place in room}
    for left, group in zip(range(len(groups), 0, -1), groups):
        need = sum(volume.label for volume in group)
        empty = [place for place in room if not dealt[place]]
        fitting = [place for place in room if room[place] >= need]
        most = [place for place in room if room[place] == max(room.values())]
        place = _drawn(empty if left <= len(empty) else fitting or most, room, random)
        dealt[place].append(group)
        room[place] -= need
    return dealt


def _negative_rooms(dealt, positives, negatives, folds, test_fraction):
    """{fold: how many negatives it takes}: its positives, or its share of the negatives where those are too
    few.
    """
    balanced = {fold: sum(volume.label for group in dealt[fold] for volume in group) for fold in range(folds)}
    allowed = negatives - max(1, round(test_fraction * negatives))
    if sum(balanced.values()) <= allowed or positives <= negatives and sum(balanced.values()) < negatives:
        return balanced
    return dict(enumerate(_shares(negatives, folds, test_fraction)[1:]))


def _place_groups(dealt, rooms, healthy, random):
    """Places patients with positives; a fold keeps of their negatives what rule 3 says. `healthy`: the other
    negatives at hand.
    """
    place, left_out, total = {}, [], max(1, sum(rooms.values()))
    for name, groups in dealt.items():
        place.update({volume.id: name for group in groups for volume in group if volume.label})
        own = shuffled([volume for group in groups for volume in group if not volume.label], random)
        kept = (
            own if name == "test" else own[: _own_kept(len(own), rooms[name], healthy * rooms[name] / total)]
        )
        place.update({volume.id: name for volume in kept})
        left_out += [volume.id for volume in own[len(kept) :]]
        if name != "test":
            rooms[name] -= len(kept)
    return place, left_out


def _own_kept(own, room, others):
    """How many of its `own` negatives a fold keeps where `others` could be drawn too; may exceed `own`, as a
    slice's end may.
    """
    proportional = round(room * own / max(1, own + others))
    return min(room, max(proportional, room - int(others)))


def _deal_negatives(groups, rooms, place, left_out, random):
    """Deals patients without positives: whole where one fits, in part where none does, the others to test."""
    remaining = []
    for group in groups:
        fitting = [fold for fold in rooms if rooms[fold] >= len(group)]
        if not fitting:
            remaining.append(group)
            continue
        fold = _drawn(fitting, rooms, random)
        place.update({volume.id: fold for volume in group})
        rooms[fold] -= len(group)
    remaining.sort(key=len)  # the smallest first: what is left out of a patient is lost
    for fold, room in rooms.items():
        if room and len(remaining) > 1:
            group = remaining.pop(0)
            place.update({volume.id: fold for volume in group[:room]})
            left_out += [volume.id for volume in group[room:]]
    place.update({volume.id: "test" for group in remaining for volume in group})


def _drawn(places, room, random):
    weights = np.array([max(room[place], 1e-9) for place in places], float)
    return places[random.choice(len(places), p=weights / weights.sum())]


def shuffled(items, random):
    """The items in random order."""
    return [items[index] for index in random.permutation(len(items))]


def check_volumes(volumes):
    """Raises UsageError where a label is neither 0 nor 1, or an id is there twice."""
    wrong = [volume for volume in volumes if volume.label not in (0, 1)]
    if wrong:
        raise UsageError(f"Expected labels 0 or 1. Received: {wrong[0].label} of {wrong[0].id}.")
    if len({volume.id for volume in volumes}) < len(volumes):
        raise UsageError("Expected every id once. Received: a repeated id.")


def _check(volumes, patients, folds, test_fraction):
    if folds < 2 or not 0 < test_fraction < 1:
        raise UsageError(
            f"Expected at least 2 folds and a test fraction in (0, 1). Received: {folds} and {test_fraction}."
        )
    check_volumes(volumes)
    for label, what in ((1, "positive"), (0, "negative")):
        found = sum(any(volume.label == label for volume in group) for group in patients)
        if found < folds + 1:
            raise UsageError(
                f"Expected at least {folds + 1} patients with {what} volumes, "
                f"one for each of {folds} folds and one for "
                f"test. Received: {found}; use fewer --folds."
            )


def _check_all_filled(split, volumes):
    label = {volume.id: volume.label for volume in volumes}
    for place in ["test", *range(split.folds)]:
        for wanted, what in ((1, "positive"), (0, "negative")):
            if not any(where == place and label[id] == wanted for id, where in split.place.items()):
                name = place if place == "test" else f"fold {place}"
                raise UsageError(
                    f"Expected {what} volumes in every part. Received: none in {name}; "
                    "use fewer --folds or another --seed."
                )
