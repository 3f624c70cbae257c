import json
import sys

import numpy as np
import pytest

from mil_tf.localization.detector import PUBLISHED, Detector
from mil_tf.localization.peaks import Peaks
from mil_tf.localization.tuning import BOUNDS, RANDOM, TuningError, bounds_of, parted, published_of, tune


def scene(seed, count=12):
    """Slices with one lesion each: peaks of 1 in it, of 0.5 around it, and of 0.6 but little prominence."""
    rng, slices = np.random.default_rng(seed), []
    for _ in range(count):
        y, x = rng.uniform(20, 44, 2)
        lesion, noise = np.array([[y, x]]), rng.uniform(0, 64, (6, 2))
        places = np.concatenate([lesion, noise])
        value = np.r_[1.0, np.full(3, 0.6), np.full(3, 0.5)] + rng.normal(0, 0.02, 7)
        prominence = np.r_[0.9, np.full(3, 0.05), np.full(3, 0.4)]
        order = np.argsort(-value)
        peaks = Peaks(*places[order].T, value[order], prominence[order])
        slices.append((peaks, np.array([[y - 3, x - 3, y + 3, x + 3]])))
    return slices


@pytest.fixture(scope="module")
def package():
    pytest.importorskip("bayes_opt", reason="the extra `tuning` is not installed")


def test_two_fifths_of_the_patients_are_tuned_on():
    patients = [f"p{number:03d}" for number in range(50)]
    tuned, tested = parted(patients, 3)
    assert (len(tuned), len(tested)) == (20, 30)
    assert sorted(tuned + tested) == patients
    assert parted(np.repeat(patients[::-1], 4), 3) == (tuned, tested)  # of patients, not of scans
    assert parted(patients, 4) != (tuned, tested)


@pytest.mark.parametrize("count, tuned", [(2, 1), (3, 1), (4, 2), (5, 2), (7, 3)])
def test_few_patients_are_shared_out_too(count, tuned):
    parts = parted([str(number) for number in range(count)])
    assert [len(part) for part in parts] == [tuned, count - tuned]


def test_one_patient_cannot_be_shared_out():
    with pytest.raises(TuningError, match="Expected at least two patients.* Received: 1"):
        parted(["a", "a"])


def test_the_published_parameters_lie_within_the_bounds():
    for pooling, detector in PUBLISHED.items():
        assert all(low <= value <= high for value, (low, high) in zip(detector, BOUNDS[pooling]))


def test_tuning_finds_what_tells_lesions_apart(package):
    slices = scene(0)
    start = np.mean([len(Detector(0, 0, 1)(peaks)) for peaks, _ in slices])
    assert start > 3  # without tuning it would find more false than true points
    found = tune(slices, BOUNDS["max"], seed=0, guided=25)
    assert found.dice == 1 == max(dice for _, dice in found.trials)
    assert found.detector in [detector for detector, _ in found.trials]
    assert json.loads(json.dumps(found.detector._asdict())) == found.detector._asdict()  # it can be kept as it is
    assert len(found.trials) == RANDOM + 25
    for detector, _ in found.trials:
        assert all(low <= value <= high for value, (low, high) in zip(detector, BOUNDS["max"]))
    assert [len(found.detector(peaks)) for peaks, _ in slices] == [1] * len(slices)


def test_a_seed_gives_the_same_trials(package):
    first, again, other = (tune(scene(1, 4), BOUNDS["max"], seed=seed, guided=4) for seed in (5, 5, 6))
    assert first == again
    assert first.trials != other.trials


def test_without_boxes_there_is_nothing_to_tune():
    with pytest.raises(TuningError, match="Expected slices with boxes"):
        tune([(peaks, np.empty((0, 4))) for peaks, _ in scene(0)], BOUNDS["max"])


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bayes_opt", None)
    with pytest.raises(TuningError, match=r"bayesian-optimization .*pip install -e '\.\[tuning\]'"):
        tune(scene(0), BOUNDS["max"])


def test_bounds_of_weights_go_with_the_number_of_positions():
    assert bounds_of("max", 7) == BOUNDS["max"] and bounds_of("attention", 32 * 32) == BOUNDS["attention"]
    found = bounds_of("attention", 16 * 16)
    assert found.threshold == (0.0, pytest.approx(0.12)) and found.h == (0.0, pytest.approx(0.24))
    assert found.distance == BOUNDS["attention"].distance


def test_so_does_the_authors_optimum():
    assert published_of("max", 7) == PUBLISHED["max"] and published_of("attention", 32 * 32) == PUBLISHED["attention"]
    found = published_of("attention", 64 * 64)
    assert found == Detector(pytest.approx(0.0038 / 4), pytest.approx(0.024 / 4), 58)
