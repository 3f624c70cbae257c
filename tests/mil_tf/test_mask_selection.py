import numpy as np
import pytest

from mil_tf.mask_selection import Auto, Candidate, Decision, NothingAccepted, Oracle, calibrated, candidate, taken, told

NOTHING = np.zeros((12, 12), np.uint8)


def mask(*boxes):
    """Class ids of boxes (kind, side) on the diagonal, apart."""
    found, at = np.zeros((30, 30), np.uint8), 0
    for kind, side in boxes:
        found[at:at + side, at:at + side] = kind
        at += side + 1
    return found


def healthy(*weights):
    return [Candidate({1: each} if each else {}, np.array([each] if each else [])) for each in weights]


def test_a_candidate_by_hand():
    found = candidate(mask((1, 2), (3, 4)), np.full((30, 30), 0.5), (0.5, 0.8))
    assert found.areas == pytest.approx({1: 4 * 0.4, 3: 16 * 0.4})
    np.testing.assert_allclose(found.weights, [16 * 0.4 / 2, 4 * 0.4 / 2])
    assert candidate(NOTHING).areas == {} and candidate(NOTHING).heaviest == 0


def test_a_part_is_what_hangs_together_whatever_its_classes():
    found = np.zeros((9, 9), np.uint8)
    found[1:3, 1:3], found[3, 3] = 1, 2
    np.testing.assert_allclose(candidate(found).weights, [5])


@pytest.mark.parametrize("count, most", [(100, 0.05), (100, 0.1), (40, 0.05), (7, 0.05), (1, 0.05), (30, 0.0)])
def test_at_most_so_many_healthy_slices_are_believed(count, most):
    weights = np.random.default_rng(count).exponential(10, count)
    rule = calibrated(healthy(*weights), most)
    believed = np.mean(weights > rule.above)
    assert believed <= most + 1e-12 and believed > most - 1 / count  # and no stricter than it must be


def test_the_share_holds_on_healthy_slices_that_were_not_seen():
    rng = np.random.default_rng(0)
    rule = calibrated(healthy(*rng.exponential(10, 2000)))
    assert np.mean(rng.exponential(10, 20000) > rule.above) == pytest.approx(0.05, abs=0.01)


def test_healthy_slices_without_a_prediction_ask_for_nothing():
    rule = calibrated(healthy(*[0] * 99, 50))
    assert rule.above == 0 and rule(candidate(mask((1, 1))), (1,)).accepted


@pytest.mark.parametrize("found, label, accepted, reason", [
    (mask((1, 6)), (1,), True, "weighs more"), (mask((1, 6), (1, 2)), (1,), True, "weighs more"),
    (mask((2, 6)), (1,), False, "types disagree"), (mask((2, 6)), (1, 2), True, "weighs more"),
    (mask((1, 3)), (1,), False, "no part weighs more"), (mask((1, 4), (1, 3), (1, 3)), (1,), False, "too much lies"),
    (mask((1, 5), (2, 4)), (1,), True, "weighs more"), (mask((1, 4), (2, 5)), (1,), False, "types disagree"),
    (mask(), (1,), False, "nothing found"), (mask(), (), True, "healthy"), (mask((1, 1)), (), False, "blood in a healthy"),
])
def test_the_rule_without_truth(found, label, accepted, reason):
    decided = Auto(above=12.0)(candidate(found), label)
    assert decided.accepted == accepted and reason in decided.reason


def test_doubtful_pixels_weigh_less():
    found = mask((1, 6))
    assert Auto(30.0)(candidate(found), (1,)).accepted
    assert not Auto(30.0)(candidate(found, np.full(found.shape, 0.5)), (1,)).accepted


@pytest.mark.parametrize("found, accepted", [
    (mask((1, 3)), True), (mask((2, 3)), True), (mask((1, 10)), True), (mask((1, 11)), True), (mask((1, 12)), False),
])
def test_the_oracle_looks_at_false_positives_and_not_at_the_extent(found, accepted):
    truth = mask((1, 10))
    decided = Oracle()(found, truth, (1,))
    assert decided.accepted == accepted == (((truth > 0) & (found > 0)).sum() >= 0.8 * (found > 0).sum())
    assert "80 %" in decided.reason


def test_the_oracle_on_empty_masks():
    assert Oracle()(NOTHING, NOTHING, ()).accepted
    assert not Oracle()(NOTHING, NOTHING + 1, (1,)).accepted and not Oracle()(NOTHING + 1, NOTHING, ()).accepted


def test_taken_ids_and_the_line_about_them():
    decisions = {"a": Decision(True, "fine"), "b": Decision(False, "why"), "c": Decision(True, "fine")}
    assert taken(decisions, {"a": (1,), "b": (1,), "c": ()}) == ["a", "c"]
    assert told(decisions.values()) == "2 of 3 masks taken (2 taken: fine; 1 left: why)"


def test_a_selection_that_takes_nothing_is_one_clear_line():
    decisions = {"a": Decision(False, "why"), "h": Decision(True, "healthy, and nothing found")}
    with pytest.raises(NothingAccepted, match="Expected at least one mask.*Received: 1 of 2 masks taken .*1 left: why") as e:
        taken(decisions, {"a": (1,), "h": ()})
    assert "\n" not in str(e.value)
    with pytest.raises(NothingAccepted, match="0 of 0 masks taken"):
        taken({}, {})


@pytest.mark.parametrize("call, message", [
    (lambda: calibrated([]), "Expected healthy slices"), (lambda: calibrated(healthy(1), 1.0), "most=1.0"),
    (lambda: candidate(NOTHING, np.ones((2, 2))), r"Received: \(2, 2\)"),
    (lambda: Oracle()(NOTHING, np.ones((2, 2)), (1,)), r"\(2, 2\) true"),
])
def test_arguments_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()
