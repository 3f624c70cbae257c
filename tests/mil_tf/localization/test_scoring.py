import numpy as np
import pytest

from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.localization.scoring import Counts, count, estimates, rates

BOXES = [[10, 10, 20, 30], [40, 40, 50, 60]]


@pytest.mark.parametrize("points, expected", [
    ([], (0, 0, 2)),
    ([[15, 20]], (1, 0, 1)),
    ([[15, 20], [45, 50]], (2, 0, 0)),
    ([[15, 20], [12, 12], [19, 29]], (1, 0, 1)),  # several points in one box count once
    ([[30, 30]], (0, 1, 2)),
    ([[15, 20], [0, 0], [30, 30]], (1, 2, 1)),
    ([[10, 10], [50, 60]], (2, 0, 0)),  # edges belong to the box
    ([[9.9, 10], [50, 60.1]], (0, 2, 2)),
    ([[20, 15]], (1, 0, 1)),
    ([[25, 15]], (0, 1, 2)),  # rows and columns are not mixed up
])
def test_boxes_are_hit_or_missed_and_points_are_true_or_false(points, expected):
    assert count(points, BOXES) == expected


def test_a_point_in_two_boxes_hits_both():
    assert count([[5, 5]], [[0, 0, 10, 10], [4, 4, 6, 6]]) == (2, 0, 0)


def test_a_slice_without_boxes_has_only_false_points():
    assert count([[1, 1], [2, 2]], []) == (0, 2, 0)
    assert count([], []) == (0, 0, 0)


def test_the_order_of_points_and_boxes_does_not_matter():
    rng = np.random.default_rng(0)
    points, corners = rng.uniform(0, 60, (9, 2)), np.sort(rng.uniform(0, 60, (5, 2, 2)), axis=1)
    boxes = corners.reshape(5, 4)
    assert count(points[::-1], boxes[[3, 1, 4, 0, 2]]) == count(points, boxes)
    found = count(points, boxes)
    assert found.tp + found.fn == 5 and found.fp <= 9


def test_the_papers_table_is_of_these_formulas():
    """Dice is the harmonic mean of PPV and sensitivity, which Table I's numbers meet."""
    for ppv, sensitivity, dice in ((61.88, 54.72, 58.08), (38.19, 62.13, 47.30)):
        tp = 100_000
        found = rates(Counts(tp=tp, fp=tp * (100 / ppv - 1), fn=tp * (100 / sensitivity - 1)))
        np.testing.assert_allclose(found, [ppv / 100, sensitivity / 100, dice / 100], atol=1e-4)


def test_rates_of_nothing_are_undefined():
    np.testing.assert_array_equal(rates([[0, 0, 0], [0, 0, 3], [0, 2, 0]]),
                                  [[np.nan, np.nan, 0], [np.nan, 0, np.nan], [np.nan, 0, 0]])


def cohort(patients, seed=0):
    """(counts, patient) of slices; a share of each patient's own is found."""
    rng = np.random.default_rng(seed)
    share = np.repeat(rng.uniform(0.3, 0.9, patients), 12)
    tp = rng.binomial(3, share)
    return np.stack([tp, rng.poisson(0.5, len(tp)), 3 - tp], axis=1), np.repeat(np.arange(patients), 12).astype(str)


def test_values_are_pooled_over_slices():
    counts, patient = cohort(20)
    found = estimates(counts, patient, PatientBootstrap(patient, 200, 0))
    tp, fp, fn = counts.sum(axis=0)
    assert found["ppv"].value == tp / (tp + fp) and (found["ppv"].k, found["ppv"].n) == (tp, tp + fp)
    assert found["sensitivity"].value == tp / (tp + fn) and (found["sensitivity"].k, found["sensitivity"].n) == (tp, tp + fn)
    assert found["dice"].value == pytest.approx(2 * tp / (2 * tp + fp + fn)) and found["dice"].k is None
    for estimate in found.values():
        assert 0 < estimate.low < estimate.value < estimate.high < 1


def test_intervals_are_seeded_and_shrink_with_patients():
    widths = {}
    for patients in (10, 160):
        counts, patient = cohort(patients)
        found, again = (estimates(counts, patient, PatientBootstrap(patient, 300, 1)) for _ in range(2))
        assert found == again
        widths[patients] = np.array([each.high - each.low for each in found.values()])
    assert (widths[160] < widths[10] / 2).all()


def test_more_slices_of_the_same_patients_narrow_nothing():
    counts, patient = cohort(12)
    once = estimates(counts, patient, PatientBootstrap(patient, 300, 0))
    thrice = estimates(np.tile(counts, (3, 1)), np.tile(patient, 3), PatientBootstrap(patient, 300, 0))
    for name, estimate in once.items():
        assert thrice[name][:3] == pytest.approx(estimate[:3])


def test_intervals_cover_the_truth():
    covered, simulations = 0, 200
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        share = np.repeat(rng.beta(6, 4, 40), 5)
        tp = rng.binomial(2, share)
        counts = np.stack([tp, np.zeros_like(tp), 2 - tp], axis=1)
        patient = np.repeat(np.arange(40), 5).astype(str)
        found = estimates(counts, patient, PatientBootstrap(patient, 200, seed))["sensitivity"]
        covered += found.low <= 0.6 <= found.high
    assert covered > 0.90 * simulations  # 95 % less three standard errors


def test_what_is_undefined_says_why():
    patient = np.array(["a", "b"])
    found = estimates([[0, 0, 0], [0, 0, 0]], patient, PatientBootstrap(patient, 20, 0))
    assert [str(each) for each in found.values()] == [
        "undefined: no point", "undefined: no box", "undefined: neither point nor box",
    ]
    found = estimates([[0, 0, 2], [0, 0, 1]], patient, PatientBootstrap(patient, 20, 0))
    assert str(found["ppv"]) == "undefined: no point" and found["ppv"].n == 0
    assert (found["sensitivity"].value, found["dice"].value) == (0, 0) and found["dice"].high < 1


def test_one_patient_has_no_interval():
    found = estimates([[3, 1, 2]], np.array(["a"]), PatientBootstrap(["a"], 20, 0))
    assert str(found["dice"]) == "0.667 no interval: one patient only"


def test_patients_that_are_all_alike_leave_an_interval():
    bootstrap = PatientBootstrap(list("abcd"), 100, 0)
    found = estimates([[1, 2, 1]] * 4, list("abcd"), bootstrap)
    for name, value in {"ppv": 1 / 3, "sensitivity": 1 / 2, "dice": 2 / 5}.items():
        assert found[name].value == pytest.approx(value) and found[name].low < value < found[name].high
