import numpy as np
import pytest

from mil_tf.localization.detector import Detector, detect
from mil_tf.localization.located import likelihood, points_of
from mil_tf.localization.peaks import resized

ALL = Detector(0, -np.inf, 0)


def noise(shape=(9, 7), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_points_are_the_detectors_and_values_those_of_the_resized_map():
    positions, detector = noise(), Detector(0.2, 0.1, 6)
    points, values = points_of(positions, (36, 28), 0.9, detector)
    assert len(points) and points.dtype == np.int64 and values.dtype == np.float64
    np.testing.assert_array_equal(points, detect(positions, (36, 28), detector))
    np.testing.assert_array_equal(values, resized(positions, (36, 28))[points[:, 0], points[:, 1]])
    assert (np.diff(values) <= 0).all() and (values > 0.1).all()


@pytest.mark.parametrize("probability, has", [(0.0, False), (np.nextafter(0.5, 0), False), (0.5, True), (1.0, True)])
def test_only_positive_slices_have_points_where_so_asked(probability, has):
    every = points_of(noise(), (36, 28), probability, ALL)
    asked = points_of(noise(), (36, 28), probability, ALL, only_positive=True)
    assert len(every[0]) and [len(each) for each in asked] == [has * len(every[0])] * 2
    assert [each.dtype for each in asked] == [each.dtype for each in every] and asked[0].shape[1:] == (2,)


def test_a_flat_map_has_no_points():
    points, values = points_of(np.ones((4, 4)), (16, 16), 1.0, ALL)
    assert points.shape == (0, 2) and values.shape == (0,)


def test_the_highest_logit_of_a_slice_becomes_its_probability():
    maps = noise((3, 5, 4))
    probabilities = 1 / (1 + np.exp(-maps.max(axis=(1, 2))))
    shown = likelihood(maps, probabilities, "max")
    np.testing.assert_allclose(shown.max(axis=(1, 2)), probabilities, rtol=1e-6)
    assert shown.dtype == np.float32 and shown.shape == maps.shape


def test_logits_of_any_size_stay_from_0_to_1():
    with np.errstate(all="raise", under="ignore"):
        shown = likelihood([[[-1e4, 0.0, 1e4]]], [1.0], "max")
    np.testing.assert_array_equal(shown, [[[0, 0.5, 1]]])


def test_the_highest_weight_of_a_slice_becomes_its_probability():
    weights = np.exp(noise((2, 5, 4)))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    shown = likelihood(weights, [0.25, 1.0], "attention")
    np.testing.assert_allclose(shown.max(axis=(1, 2)), [0.25, 1.0], rtol=1e-6)
    np.testing.assert_allclose(shown[1] / weights[1], 1 / weights[1].max(), rtol=1e-6)
    assert shown.dtype == np.float32 and shown.min() >= 0


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_slices_do_not_change_one_another(pooling):
    maps, probabilities = np.exp(noise((3, 5, 4))), np.array([0.1, 0.5, 0.9])
    together = likelihood(maps, probabilities, pooling)
    for one in range(3):
        np.testing.assert_array_equal(together[one : one + 1],
                                      likelihood(maps[one : one + 1], probabilities[one : one + 1], pooling))


def test_another_pooling_is_refused():
    with pytest.raises(ValueError, match="Expected `pooling` to be one of .*Received: pooling='mean'"):
        likelihood(noise((1, 2, 2)), [0.5], "mean")
