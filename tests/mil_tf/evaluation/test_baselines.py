"""The trivial baseline: its arithmetic on volumes whose answer is known."""

import numpy as np
import pytest

from mil_tf.evaluation.baselines import dense_voxels, largest_area, largest_component

SPACING = (1.0, 2.0, 5.0)  # mm


def scan_with_boxes():
    """(12, 40, 40) brain with a large box of blood, a small one, and a box of bone."""
    scan = np.full((12, 40, 40), 35.0, np.float32)
    scan[3:8, 10:20, 10:30] = 72
    scan[10:12, 30:34, 30:34] = 72
    scan[3:8, 25:35, 2:8] = 1200
    return scan


def test_volume_of_the_largest_component_in_cm3():
    assert largest_component(scan_with_boxes(), SPACING, sigma=0.01) == pytest.approx(5 * 10 * 20 * 10 / 1000)


def test_channel_axis_and_half_precision_change_nothing():
    scan = scan_with_boxes()
    assert largest_component(scan[..., None].astype(np.float16), SPACING) == largest_component(scan, SPACING)


def test_nothing_dense_scores_zero():
    assert largest_component(np.full((3, 8, 8), 35.0), SPACING) == 0.0
    assert not largest_area(np.full((3, 8, 8), 35.0), SPACING).any()


def test_area_of_a_slice_in_cm2():
    areas = largest_area(scan_with_boxes(), SPACING, sigma=0.01)
    expected = np.zeros(12)
    expected[3:8], expected[10:12] = 10 * 20 * 2 / 100, 4 * 4 * 2 / 100
    np.testing.assert_allclose(areas, expected)


def test_window_is_closed_at_both_ends():
    scan = np.array([59.5, 60.0, 90.0, 90.5]).reshape(1, 1, 4)
    assert dense_voxels(scan, SPACING, sigma=0.0).ravel().tolist() == [False, True, True, False]


def test_smoothing_is_in_millimetres():
    scan = np.full((1, 41, 41), 35.0)
    scan[0, 20, 20] = 35 + 30 * 2 * np.pi * 9  # a Gaussian of sigma 3 mm brings this point to 35 + 30
    dense = dense_voxels(scan, (1.0, 1.0, 100.0), sigma=3.0)
    assert dense[0, 20, 20] and not dense[0, 20, 26]


def test_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"Expected instances of shape .* Received shape=\(4, 4\)"):
        largest_component(np.zeros((4, 4)), SPACING)
