import numpy as np
import pytest

from mil_tf.localization.felzenszwalb import DEFAULT, consistent, cut, moved, refined

AIR, BRAIN, BLOOD, BONE = -1000.0, 35.0, 70.0, 900.0
# Of plain pictures; the defaults are chosen on phantoms.
PLAIN = DEFAULT._replace(joins=0.3, keeps=0.5, apart=10.0, times=8.0, left=0.2, sigma=0.5, scale=100.0, least=5.0,
                         darker=15.0)


def head(noise=2.0, size=64):
    """(HU, truth): a round head with a skull, brain, and a bleed of 16 x 20 pixels."""
    rows, columns = np.mgrid[:size, :size]
    away = np.hypot(rows - 31.5, columns - 31.5)
    hu = np.where(away < 27, BRAIN, np.where(away < 30, BONE, AIR))
    truth = np.zeros((size, size), np.uint8)
    truth[20:36, 22:42] = 3
    hu = np.where(truth > 0, BLOOD, hu) + np.random.default_rng(0).normal(0, noise, hu.shape)
    return hu, truth


def dice(one, other):
    return 2 * np.count_nonzero((one > 0) & (other > 0)) / (np.count_nonzero(one) + np.count_nonzero(other))


def inner(margin):
    found = np.zeros((64, 64), np.uint8)
    found[20 + margin:36 - margin, 22 + margin:42 - margin] = 3
    return found


@pytest.mark.parametrize("margin", [1, 2, 3])
def test_growing_finds_the_whole_bleed(margin):
    hu, truth = head()
    found = refined(hu, inner(margin), "grow", constants=PLAIN)
    assert dice(found, truth) > 0.97 > dice(inner(margin), truth) and found.max() == 3


@pytest.mark.parametrize("margin", [-1, -2, -3])
def test_shrinking_gives_up_what_is_around_the_bleed(margin):
    hu, truth = head()
    found = refined(hu, inner(margin), "shrink", constants=PLAIN)
    assert dice(found, truth) > 0.97 > dice(inner(margin), truth)


@pytest.mark.parametrize("seed", range(4))
def test_growing_only_adds_shrinking_only_takes_and_both_give_the_same_again(seed):
    hu, _ = head(noise=12.0)
    given = np.random.default_rng(seed).integers(0, 6, (8, 8)).repeat(8, 0).repeat(8, 1)
    grown, shrunk = (refined(hu, given, case) for case in ("grow", "shrink"))
    assert (grown[given > 0] == given[given > 0]).all() and (shrunk[shrunk > 0] == given[shrunk > 0]).all()
    assert np.count_nonzero(shrunk) <= np.count_nonzero(given) <= np.count_nonzero(grown)
    np.testing.assert_array_equal(refined(hu, given, "grow"), grown)
    np.testing.assert_array_equal(refined(hu, given, "none"), given)


def test_a_prediction_in_the_brain_does_not_flood_it():
    hu, _ = head()
    spot = np.zeros((64, 64), np.uint8)
    spot[45:50, 30:35] = 1
    loose = PLAIN._replace(joins=0.001)
    assert np.count_nonzero(refined(hu, spot, "grow", constants=loose)) <= (1 + loose.times) * 25
    unbound = refined(hu, spot, "grow", constants=loose._replace(times=1000.0))
    assert np.count_nonzero(unbound) > 1000  # without the bound it would


def test_a_segment_of_another_density_is_not_taken():
    hu, truth = head()
    edge = inner(-2)  # covers little of the brain, which is 35 HU darker
    strict = PLAIN._replace(joins=0.0, times=1000.0)
    np.testing.assert_array_equal(refined(hu, edge, "grow", constants=strict), edge)
    loose = refined(hu, edge, "grow", constants=strict._replace(apart=100.0))
    assert np.count_nonzero(loose) > 1000 and dice(loose, truth) < 0.5  # without the bound it would be


def test_a_segment_that_is_hardly_covered_is_not_taken():
    hu, _ = head()
    corner = np.zeros((64, 64), np.uint8)
    corner[20:24, 22:26] = 2  # 16 of 320 pixels of blood
    roomy = PLAIN._replace(times=1000.0)
    np.testing.assert_array_equal(refined(hu, corner, "grow", constants=roomy), corner)
    assert np.count_nonzero(refined(hu, corner, "grow", constants=roomy._replace(joins=0.01))) > 300


def test_a_part_that_shrinking_would_all_but_empty_stays_as_it_was():
    hu, _ = head()
    given = inner(-1)
    given[48:51, 30:33] = 3  # in the brain, a small share of its segment
    found = refined(hu, given, "shrink", constants=PLAIN)
    assert found[48:51, 30:33].all() and not found[19, 22:42].any()
    assert not refined(hu, given, "shrink", constants=PLAIN._replace(left=0.0))[48:51, 30:33].any()


def test_a_segment_joins_the_part_that_covers_most_of_it_with_the_class_that_is_commonest_there():
    hu = np.full((20, 20), 60.0)
    segments = np.zeros((20, 20), np.int64)
    segments[:, 10:] = 1
    given = np.zeros((20, 20), np.uint8)
    given[2:18, 1:4], given[2:18, 6:9], given[2:5, 6:9] = 1, 2, 4
    found = moved(hu, given, segments, "grow", PLAIN._replace(joins=0.4))
    assert (found[:, :10] > 0).all() and not found[:, 10:].any()
    assert set(found[(given == 0) & (segments == 0)]) <= {1, 2} and (found[given > 0] == given[given > 0]).all()


@pytest.mark.parametrize("margin, case", [(3, "grow"), (-3, "shrink")])
def test_the_constants_are_of_millimetres_and_not_of_pixels(margin, case):
    hu, _ = head()
    fine, given = (each.repeat(2, 0).repeat(2, 1) for each in (hu, inner(margin)))
    coarse = refined(hu, inner(margin), case, constants=PLAIN)
    finer = refined(fine, given, case, pixel=(0.5, 0.5), constants=PLAIN)
    assert dice(finer, coarse.repeat(2, 0).repeat(2, 1)) > 0.93
    assert len(np.unique(cut(fine, (0.5, 0.5), PLAIN))) < len(np.unique(cut(fine, (1.0, 1.0), PLAIN)))


GIVEN = np.array([[1, 1, 0, 2], [2, 0, 0, 2], [0, 0, 0, 0], [3, 3, 0, 5]])


@pytest.mark.parametrize("label, expected", [
    (None, GIVEN), ((), GIVEN * 0), ((4,), (GIVEN > 0) * 4), ((1, 2, 3, 5), GIVEN),
    ((1, 3), [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [3, 3, 0, 0]]),
    ((2, 3), [[2, 2, 0, 2], [2, 0, 0, 2], [0, 0, 0, 0], [3, 3, 0, 0]]),
    ((4, 5), [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]]),
])
def test_only_classes_that_the_image_has_remain(label, expected):
    found = consistent(GIVEN, label)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(refined(np.zeros((4, 4)), GIVEN, "none", label), expected)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("case", ["grow", "shrink", "none"])
def test_an_empty_prediction_stays_empty(case):
    hu, truth = head()
    assert not refined(hu, truth * 0, case).any() and not refined(hu, truth, case, label=()).any()


@pytest.mark.parametrize("hu, given, case, told", [
    (np.zeros((4, 4)), np.zeros((4, 5)), "grow", r"Received: \(4, 4\) and \(4, 5\)"),
    (np.zeros((4, 4, 1)), np.zeros((4, 4, 1)), "grow", "one shape"),
    (np.full((4, 4), np.nan), np.zeros((4, 4)), "grow", "NaN"),
    (np.zeros((4, 4)), np.zeros((4, 4)), "both", "Received: case='both'"),
])
def test_arguments_that_cannot_be(hu, given, case, told):
    with pytest.raises(ValueError, match=told):
        refined(hu, given, case)
