"""A split that uses every volume once: test, validation and training, by whole patients (nemcek2021, section II-B).

Nothing is undersampled or left out, as that paper weighs its loss instead. Patients with and without positive volumes
are dealt apart, at random, each to the same shares. Where there are enough of either, every part gets at least one.
"""

import numpy as np

from preprocessing.cohort import Split, by_patient, check_volumes, shuffled
from preprocessing.errors import UsageError

VALIDATION_FRACTION = 0.03  # nemcek2021, section II-B: training and validation 97:3
VALIDATION = 0  # the one fold


def draw_whole(volumes, seed, validation_fraction, test_fraction):
    """Returns the Split of [Volume] in one fold; the same volumes in any order and the same seed give the same.

    Args:
        volumes: [`preprocessing.cohort.Volume`].
        seed: of the draw.
        validation_fraction: of the patients that are not test.
        test_fraction: of the patients; 0 where the test set is another data set.

    Raises:
        UsageError: a fraction is none, or a part would lack positives or negatives.
    """
    if not 0 < validation_fraction < 1 or not 0 <= test_fraction < 1:
        raise UsageError(
            "Expected a validation fraction in (0, 1) and a test fraction in [0, 1). "
            f"Received: {validation_fraction} and {test_fraction}."
        )
    check_volumes(volumes)
    random, patients, place = np.random.default_rng(seed), by_patient(volumes), {}
    for ill in (True, False):
        dealt = shuffled([group for group in patients if any(volume.label for volume in group) == ill], random)
        names = _names(len(dealt), validation_fraction, test_fraction)
        place.update({volume.id: name for name, group in zip(names, dealt) for volume in group})
    _check_parts(volumes, place, test_fraction)
    return Split(place, [], 1)


def _names(patients, validation_fraction, test_fraction):
    """Where each of so many patients goes."""
    least = int(patients >= (3 if test_fraction else 2))
    test = max(least, round(test_fraction * patients)) if test_fraction else 0
    validation = max(least, round(validation_fraction * (patients - test)))
    return (["test"] * test + [VALIDATION] * validation + ["train"] * patients)[:patients]


def _check_parts(volumes, place, test_fraction):
    parts = {"train": "training", VALIDATION: "validation", **({"test": "test"} if test_fraction else {})}
    for name, told in parts.items():
        for label, what in ((1, "positive"), (0, "negative")):
            if not any(volume.label == label and place[volume.id] == name for volume in volumes):
                raise UsageError(
                    f"Expected positive and negative volumes in every part. Received: no {what} one in {told}; "
                    "use other fractions or another --seed."
                )
