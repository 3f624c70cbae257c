"""Maps whose cells are known."""

import numpy as np
import pytest

from mil_tf.localization.cell_map import Denoising, cell_mask, classified, laid_out, regions_of
from mil_tf.models.receptive import Field


def discs(shape=(60, 80), centres=((15, 20), (40, 50)), radius=8):
    rows, columns = np.indices(shape)
    return np.any([(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in centres], axis=0)


def noisy(truth, seed=0, wrong=0.1):
    """A map of cells 20 times as bright as the rest, with peaks, and a tenth of its pixels the other way."""
    random = np.random.default_rng(seed)
    swapped = truth ^ (random.random(truth.shape) < wrong)
    return np.where(swapped, 1.0, 0.05) * random.lognormal(0, 0.5, truth.shape)


def test_denoising_mends_what_the_threshold_gets_wrong():
    truth = discs()
    plain, denoised = (cell_mask(noisy(truth), Denoising(coupling=coupling)) for coupling in (0.0, 1.0))
    wrong = [(found.mask != truth).mean() for found in (plain, denoised)]
    assert 0.05 < wrong[0] < 0.15 and wrong[1] < 0.02
    assert denoised.belief.converged and plain.threshold == denoised.threshold


def test_without_a_coupling_it_is_the_threshold():
    jacobian = noisy(discs())
    found = cell_mask(jacobian, Denoising(coupling=0.0, threshold=0.3))
    np.testing.assert_array_equal(found.mask, jacobian > 0.3)
    assert found.threshold == 0.3


def test_the_scale_of_a_map_says_nothing():
    jacobian = noisy(discs())
    np.testing.assert_array_equal(cell_mask(jacobian).mask, cell_mask(1e-6 * jacobian).mask)


def test_peaks_do_not_hide_the_rest_of_a_cell():
    truth = discs()
    jacobian = np.where(truth, 1.0, 0.01)
    jacobian[discs(radius=1)] = 30.0
    np.testing.assert_array_equal(cell_mask(jacobian, Denoising(coupling=0.0)).mask, truth)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_map_that_is_the_same_everywhere_has_no_cells(value):
    found = cell_mask(np.full((5, 6), value))
    assert not found.mask.any() and np.isnan(found.threshold)


def test_belief_propagation_that_does_not_converge_is_told():
    assert not cell_mask(noisy(discs()), Denoising(iterations=1)).belief.converged


@pytest.mark.parametrize(
    "jacobian, how, told",
    [(np.ones(3), Denoising(), "Expected a map"), (-np.ones((2, 2)), Denoising(), "0 or above"),
     (np.full((2, 2), np.nan), Denoising(), "finite"), (np.ones((2, 2)), Denoising(wrong=0.5), "Expected `wrong`"),
     (np.ones((2, 2)), Denoising(wrong=0.0), "Expected `wrong`"), (np.ones((2, 2)), Denoising(least=-1), "`least`")],
)
def test_what_is_refused(jacobian, how, told):
    with pytest.raises(ValueError, match=told):
        cell_mask(jacobian, how)


def test_regions_are_numbered_without_gaps_and_small_ones_left_out():
    mask = np.zeros((10, 10), bool)
    mask[0:3, 0:3], mask[0, 6], mask[5:8, 5:9], mask[8, 9] = True, True, True, True
    labels = regions_of(mask, least=2)
    assert labels.dtype == np.int32 and [(labels == number).sum() for number in (1, 2, 3)] == [9, 12, 0]
    assert labels[0, 6] == 0 and labels[8, 9] == 0  # the last touches a corner only
    assert regions_of(mask, least=1).max() == 4
    assert not regions_of(np.zeros((3, 3), bool)).any()


def test_positions_lie_in_the_middle_of_what_they_see():
    rows, columns = Field(stride=4, low=-1, high=5), Field(stride=4, low=-3, high=3)  # middles 2, 6, .. and 0, 4, ..
    found = laid_out([[0.0, 1.0, 3.0], [10.0, 11.0, 13.0]], (rows, columns), (9, 10))
    assert found.shape == (9, 10)
    np.testing.assert_allclose(found[2, [0, 2, 4, 6, 8, 9]], [0, 0.5, 1, 2, 3, 3])
    np.testing.assert_allclose(found[[0, 2, 4, 6, 8], 0], [0, 0, 5, 10, 10])
    np.testing.assert_allclose(laid_out([[7.0]], (rows, columns), (3, 4)), 7)


def test_a_region_has_the_class_of_the_positions_under_it():
    labels = np.zeros((8, 16), np.int32)
    labels[2:6, 1:4], labels[1:7, 11:15] = 1, 2
    p = np.zeros((2, 4, 3))
    p[:, :2, 1], p[:, 2:, 2], p[:, :, 0] = 0.9, 0.6, 0.3
    field = Field(stride=4, low=0, high=3)
    left, right = classified(labels, p, (field, field))
    assert (left.number, left.area, left.label) == (1, 12, 1) and left.probability == pytest.approx(0.9)
    assert (right.number, right.area, right.label) == (2, 24, 2) and right.probability == pytest.approx(0.6)
    assert (left.y, left.x, right.y, right.x) == (3.5, 2, 3.5, 12.5)
    assert classified(np.zeros((8, 16), np.int32), p, (field, field)) == []
