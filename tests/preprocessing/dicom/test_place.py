import numpy as np
import pytest

from preprocessing.dicom.place import displaced, settled
from preprocessing.dicom.studies import find

SHAPE = (16, 16, 6)
PLACED = np.array([[-2, 0, 0, 15], [0, -2, 0, 17], [0, 0, 5, 40], [0, 0, 0, 1.0]])  # of the slices of write_series


@pytest.fixture
def series(write_series):
    return find(write_series("a"))[0][0]


def test_a_volume_where_its_tags_say_stays_there(series):
    np.testing.assert_array_equal(settled(series, PLACED, False), PLACED)
    assert displaced(series, PLACED, SHAPE, False) == ""


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_may_run_along_its_axes_either_way(series, axis):
    turned = np.eye(4)
    turned[axis, axis], turned[axis, 3] = -1, SHAPE[axis] - 1
    assert displaced(series, PLACED @ turned, SHAPE, False) == ""


@pytest.mark.parametrize(
    "change",
    [
        np.diag([1, 1, -1, 1]), np.diag([-1, 1, 1, 1]), np.diag([2, 1, 1, 1]), np.diag([1, 0.5, 1, 1]),
        np.diag([1, 1, 3, 1]), np.array([[1, 0, 0, 1.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.7], [0, 0, 0, 1]]),
    ],
)
def test_a_volume_elsewhere_is_told(series, change):
    assert displaced(series, PLACED @ change, SHAPE, False).startswith("dcm2niix puts the volume ")


def test_a_small_tilt_stands_in_the_affine(write_series):
    (series,) = find(write_series("b", up=(0, 0.01, 1)))[0]
    found = settled(series, PLACED, False)
    np.testing.assert_allclose(found[:3, 2], [0, -0.05, 5], atol=1e-9)
    assert displaced(series, found, SHAPE, False) == ""
    assert displaced(series, PLACED, SHAPE, False) == ""  # by less than half a pixel


@pytest.mark.parametrize(("shift", "first"), [(0.2, 1.0), (-0.2, 0.0)])
def test_evened_slices_begin_where_the_first_or_the_last_does(write_series, shift, first):
    """Their rows run towards anterior, as those of dcm2niix; 5 mm of shift in 25 mm."""
    (series,) = find(write_series("b", up=(0, shift, 1)))[0]
    upwards = np.array([[-2, 0, 0, 99], [0, 2, 0, 99], [0, 0, 5, 99], [0, 0, 0, 1.0]])
    found = settled(series, upwards, True)
    np.testing.assert_allclose(found[:3, 3], [15, 17 - 30 - 5 * first, 40], atol=1e-9)
