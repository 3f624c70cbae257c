import numpy as np
import pytest

from mil_tf.localization.detector import PUBLISHED, Detector, detect
from mil_tf.localization.peaks import find_peaks
from mil_tf.localization.scoring import count


def bumps(shape, tops, width=3.0):
    row, column = np.indices(shape)
    return sum(height * np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * width**2)) for y, x, height in tops)


ALL = Detector(0, -np.inf, 0)
THREE = bumps((64, 64), [(10, 10, 1.0), (12, 40, 0.6), (50, 30, 0.3)])


def found(image, detector):
    return detector(find_peaks(image)).tolist()


def test_points_come_from_the_highest_down():
    assert found(THREE, ALL) == [[10, 10], [12, 40], [50, 30]]


def test_the_threshold_is_to_be_exceeded():
    height = THREE[12, 40]
    assert found(THREE, Detector(0, height, 0)) == [[10, 10]]
    assert found(THREE, Detector(0, np.nextafter(height, 0), 0)) == [[10, 10], [12, 40]]


def test_a_peak_of_prominence_h_stays():
    prominence = find_peaks(THREE).prominence[1]
    assert found(THREE, Detector(prominence, 0, 0)) == [[10, 10], [12, 40]]
    assert found(THREE, Detector(np.nextafter(prominence, 1), 0, 0)) == [[10, 10]]


def test_of_two_points_that_are_too_near_the_higher_stays():
    apart = float(np.hypot(2, 30))
    assert found(THREE, Detector(0, 0.5, apart)) == [[10, 10], [12, 40]]
    assert found(THREE, Detector(0, 0.5, np.nextafter(apart, 99))) == [[10, 10]]


def test_a_point_that_was_dropped_drops_no_other():
    image = bumps((20, 90), [(10, 10, 1.0), (10, 30, 0.8), (10, 50, 0.6)])
    assert found(image, Detector(0, 0, 25)) == [[10, 10], [10, 50]]


@pytest.mark.parametrize("seed", range(5))
def test_stricter_parameters_find_no_more(seed):
    rng = np.random.default_rng(seed)
    peaks = find_peaks(rng.normal(size=(40, 40)))
    for _ in range(20):
        h, threshold, distance = rng.uniform(0, 2), rng.uniform(-1, 2), rng.uniform(0, 20)
        points = Detector(h, threshold, distance)(peaks)
        for stricter in (Detector(h + 0.3, threshold, 0), Detector(h, threshold + 0.3, 0)):
            assert len(stricter(peaks)) <= len(Detector(h, threshold, 0)(peaks))
        assert len(points) <= len(Detector(h, threshold, 0)(peaks))
        apart = np.hypot(*(points[:, None] - points[None]).T) + np.diag(np.full(len(points), np.inf))
        assert len(points) < 2 or apart.min() >= distance


def test_a_map_without_peaks_has_no_points():
    assert ALL(find_peaks(np.zeros((8, 8)))).shape == (0, 2)


@pytest.mark.parametrize("centre", [(5, 64), (64, 5), (122, 64), (64, 122), (5, 5), (122, 122)])
@pytest.mark.parametrize("pooling", PUBLISHED)
def test_a_lesion_5_pixels_from_the_edge_is_found(centre, pooling):
    """With the paper's parameters, on the map that a network of a quarter of the resolution would give at best."""
    lesion = bumps((128, 128), [(*centre, 1.0)], width=4)
    small = lesion.reshape(32, 4, 32, 4).mean(axis=(1, 3))
    scale = {"max": 3.0, "attention": 1 / small.sum()}[pooling]
    points = detect(small * scale, (128, 128), PUBLISHED[pooling])
    y, x = centre
    assert count(points, [[y - 4, x - 4, y + 4, x + 4]]) == (1, 0, 0)
