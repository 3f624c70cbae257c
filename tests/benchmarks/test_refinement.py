import numpy as np
import pytest

from benchmarks.refinement import LARGE, SEED_SHARE, SMALL, WRONG, Slice, compared, dice, predicted

ROWS, COLUMNS = np.mgrid[:60, :60]


@pytest.fixture
def disc():
    truth = np.where(np.hypot(ROWS - 30, COLUMNS - 30) < 12, 4, 0).astype(np.uint8)
    return Slice("1/0", "intraventricular", np.zeros((60, 60), np.float32), truth, 0.5, (1, 0, 7))


def radius(mask, pixel=0.5):
    return (np.count_nonzero(mask) / np.pi) ** 0.5 * pixel


def test_masks_are_as_wrong_as_they_are_called(disc):
    found = {how: predicted(disc, how) for how in WRONG}
    assert all(set(np.unique(each)) == {0, 4} for each in found.values())
    assert radius(found["as it is"]) == pytest.approx(6, abs=0.2)
    for how, expected in (("smaller by 2 mm", 4), ("smaller by 4 mm", 2), ("larger by 2 mm", 8), ("larger by 4 mm", 10)):
        assert radius(found[how]) == pytest.approx(expected, abs=0.5)
    true = np.count_nonzero(disc.truth)
    assert np.count_nonzero(found["the deepest 20 %"]) == pytest.approx(SEED_SHARE * true, rel=0.2)
    assert np.count_nonzero(found["one half"]) == pytest.approx(true / 2, rel=0.1)
    assert 0.6 < dice(found["outline that wavers"], disc.truth) < 0.95


def test_small_ones_lie_inside_and_large_ones_around(disc):
    for how in SMALL:
        assert disc.truth[predicted(disc, how) > 0].all()
    for how in LARGE:
        assert predicted(disc, how)[disc.truth > 0].all()


def test_the_same_slice_is_wrong_in_the_same_way(disc):
    for how in WRONG:
        np.testing.assert_array_equal(predicted(disc, how), predicted(disc, how))


def test_dice_by_hand():
    one, other = np.array([1, 1, 0, 0]), np.array([0, 3, 3, 3])
    assert dice(one, other) == 2 / 5 and np.isnan(dice(one * 0, one * 0))


def test_a_gain_is_a_mean_over_slices_with_an_interval_over_phantoms():
    before, phantoms = np.full(6, 0.5), np.array(["a", "a", "b", "b", "c", "c"])
    told = compared(before, before + [0.1, 0.1, 0.2, 0.2, -0.1, 0.3], phantoms)
    assert (told["slices"], told["phantoms"], told["worse"]) == (6, 3, 1)
    assert told["gain"] == pytest.approx(0.8 / 6, abs=1e-4) and told["least_gain"] == pytest.approx(-0.1)
    assert told["gain_low"] < told["gain"] < told["gain_high"]
