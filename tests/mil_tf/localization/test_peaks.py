"""Peaks are what scikit-image's h-maxima keep, for every h, up to the border."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.measure import label
from skimage.morphology import dilation, local_maxima, reconstruction

from mil_tf.localization.peaks import find_peaks, resized


def bumps(shape, tops):
    """A map with a smooth bump of each (row, column, height)."""
    row, column = np.indices(shape)
    return sum(height * np.exp(-((row - y) ** 2 + (column - x) ** 2) / 18) for y, x, height in tops)


def points(peaks):
    return list(zip(peaks.row.tolist(), peaks.column.tolist()))


def maps():
    rng = np.random.default_rng(0)
    for seed, shape in enumerate([(17, 23), (30, 30), (1, 40), (40, 1), (2, 2)]):
        noise = np.random.default_rng(seed).normal(size=shape)
        yield f"noise {shape}", noise
        yield f"smooth {shape}", gaussian_filter(noise, 2)
        yield f"steps {shape}", rng.integers(0, 6, shape).astype(float)
    yield "negative", gaussian_filter(rng.normal(size=(40, 40)), 3) - 5
    yield "drawn larger", resized(rng.normal(size=(8, 6)), (64, 48))
    yield "two of one height", bumps((30, 30), [(8, 8, 1), (20, 22, 1)])
    yield "weights", resized(rng.dirichlet(np.full(100, 0.1)).reshape(10, 10), (80, 80))


MAPS = dict(maps())


@pytest.mark.parametrize("image", MAPS.values(), ids=MAPS)
def test_a_prominence_of_h_is_what_the_h_maxima_transform_keeps(image):
    """Each regional maximum of the transformed map has one peak of that prominence, and none lies elsewhere."""
    peaks, around = find_peaks(image), np.ones((3, 3))
    for h in np.ptp(image) * np.array([1e-6, 0.03, 0.1, 0.21, 0.33, 0.61, 0.95]):
        transformed = reconstruction(image - h, image, method="dilation", footprint=around)
        kept = label(local_maxima(transformed, connectivity=2), connectivity=2)
        found = peaks.prominence >= h
        assert sorted(kept[peaks.row[found], peaks.column[found]]) == list(range(1, kept.max() + 1))


@pytest.mark.parametrize("image", MAPS.values(), ids=MAPS)
def test_peaks_are_where_the_map_equals_its_dilation(image):
    peaks = find_peaks(image)
    assert (image == dilation(image, np.ones((3, 3))))[peaks.row, peaks.column].all()
    np.testing.assert_array_equal(peaks.value, image[peaks.row, peaks.column])
    assert (np.diff(peaks.value) <= 0).all() and (peaks.prominence > 0).all()
    assert peaks.value[0] == image.max() and peaks.prominence[0] == np.ptp(image)
    assert len(set(points(peaks))) == len(peaks.row)


@pytest.mark.parametrize("place", [(0, 0), (0, 31), (47, 0), (47, 31), (0, 10), (5, 16), (42, 16), (20, 5), (20, 26), (20, 31)])
def test_the_border_is_not_lost(place):
    peaks = find_peaks(bumps((48, 32), [(*place, 1.0)]))
    assert points(peaks) == [place]


def test_a_saddle_decides_the_prominence():
    profile = np.array([[0.0, 5.0, 2.0, 3.0, 1.0, 9.0, 4.0, 6.0]])
    peaks = find_peaks(profile)
    assert peaks.column.tolist() == [5, 7, 1, 3]
    assert peaks.prominence.tolist() == [9.0, 2.0, 4.0, 1.0]


def test_a_flat_top_is_one_peak_in_its_middle():
    image = np.zeros((9, 12))
    image[2:7, 3:8] = 1
    assert points(find_peaks(image)) == [(4, 5)]
    image[4, 11] = 1
    image[4, 8:] = 1
    assert len(find_peaks(image).row) == 1


def test_a_shoulder_is_no_peak():
    image = np.zeros((9, 15))
    image[1:8, 1:14] = 1
    image[4, 12] = 2
    assert points(find_peaks(image)) == [(4, 12)]


@pytest.mark.parametrize("image", [np.zeros((5, 5)), np.full((3, 4), -7.5), np.zeros((0, 4)), np.ones((1, 1))])
def test_a_map_that_is_the_same_everywhere_has_no_peak(image):
    assert [len(each) for each in find_peaks(image)] == [0, 0, 0, 0]


@pytest.mark.parametrize("image", [np.zeros(5), np.zeros((1, 5, 5)), np.array([[0.0, np.nan]]), np.array([[np.inf, 0.0]])])
def test_what_is_no_map_is_refused(image):
    with pytest.raises(ValueError, match="Expected a map"):
        find_peaks(image)


def test_turning_a_map_turns_its_peaks():
    image = gaussian_filter(np.random.default_rng(3).normal(size=(25, 31)), 2)
    peaks, turned = find_peaks(image), find_peaks(image[::-1].T)
    assert {(column, 24 - row) for row, column in points(peaks)} == set(points(turned))
    np.testing.assert_allclose(np.sort(peaks.prominence), np.sort(turned.prominence))


def test_a_map_is_drawn_on_the_slice_between_the_centres_of_its_positions():
    small = np.zeros((8, 8))
    small[2, 5] = 1.0
    large = resized(small, (64, 64))
    assert large.shape == (64, 64) and large.max() <= 1
    row, column = (np.average(axis, weights=large) for axis in np.indices(large.shape))
    assert (row, column) == pytest.approx((2 * 8 + 3.5, 5 * 8 + 3.5))
    np.testing.assert_array_equal(resized(np.full((3, 4), -2.5), (30, 33)), np.full((30, 33), -2.5))
