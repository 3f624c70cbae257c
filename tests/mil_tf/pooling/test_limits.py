"""What the operators with a parameter become as it goes to its ends, and how exact those without one are there."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.pooling.generalized_mean import GeneralizedMeanPooling
from mil_tf.pooling.isr import IsrPooling
from mil_tf.pooling.log_sum_exp import LogSumExpPooling
from mil_tf.pooling.mean import MeanPooling
from mil_tf.pooling.noisy_and import NoisyAndPooling
from mil_tf.pooling.noisy_or import NoisyOrPooling


def bags(dtype=np.float64):
    return np.random.default_rng(0).uniform(0.05, 0.95, (6, 8, 2)).astype(dtype)


@pytest.mark.parametrize("layer", [GeneralizedMeanPooling, LogSumExpPooling])
def test_a_sharp_mean_is_the_maximum(layer):
    x = bags(np.float32)
    np.testing.assert_allclose(layer(1e5)(x), x.max(1), atol=1e-4)
    below = [layer(r, dtype="float64")(x).numpy() for r in (1.0, 2.5, 5.0, 50.0)]
    assert all((low < high).all() for low, high in zip(below, below[1:]))


def test_a_blunt_mean_is_the_mean():
    x = bags()
    np.testing.assert_allclose(LogSumExpPooling(1e-6, dtype="float64")(x), x.mean(1), rtol=1e-6)
    np.testing.assert_allclose(GeneralizedMeanPooling(1, dtype="float64")(x), x.mean(1), rtol=1e-12)


def test_a_generalised_mean_without_power_is_the_geometric_mean():
    x = bags()
    found = GeneralizedMeanPooling(1e-7, dtype="float64")(x)
    np.testing.assert_allclose(found, np.exp(np.log(x).mean(1)), rtol=1e-5)


def test_a_steep_noisy_and_is_a_step_at_its_threshold():
    layer = NoisyAndPooling(1e5, start=0.3)
    found = layer(np.float32([[0.29], [0.31], [0.0], [1.0]])[:, None]).numpy()[:, 0]
    np.testing.assert_allclose(found, [0, 1, 0, 1], atol=1e-6)


def test_a_flat_noisy_and_is_the_mean():
    x = bags(np.float32)
    np.testing.assert_allclose(NoisyAndPooling(1e-4, start=0.8)(x), MeanPooling()(x), rtol=1e-4)


@pytest.mark.parametrize("slope", [1e-3, 5.0, 7.5, 10.0, 1e4])
@pytest.mark.parametrize("start", [1e-4, 0.5, 1 - 1e-4])
def test_noisy_and_has_its_ends_at_zero_and_one(slope, start):
    found = NoisyAndPooling(slope, start)(np.float32([[[0.0]] * 3, [[1.0]] * 3])).numpy()
    np.testing.assert_allclose(found, [[0.0], [1.0]], atol=1e-7)


def test_the_threshold_of_noisy_and_is_learned_class_by_class_and_stays_within():
    layer, x = NoisyAndPooling(), tf.constant([[[0.6, 0.6]]])
    for _ in range(300):  # class 0 wants to be positive at 0.6, class 1 negative
        with tf.GradientTape() as tape:
            found = layer(x)
            loss = tf.reduce_sum(found * [[-1.0, 1.0]])
        layer.threshold_logit.assign_sub(5 * tape.gradient(loss, layer.threshold_logit))
    low, high = layer.threshold.numpy()
    assert 0 < low < 0.3 and 0.8 < high < 1


def test_noisy_or_keeps_small_probabilities_and_many_of_them():
    found = NoisyOrPooling()(np.full((1, 100_000, 1), 1e-9, np.float32)).numpy()
    np.testing.assert_allclose(found, -np.expm1(1e5 * np.log1p(-1e-9)), rtol=1e-5)
    np.testing.assert_allclose(NoisyOrPooling()(np.full((1, 3, 1), 1e-12, np.float32)), 3e-12, rtol=1e-6)


def slope(layer, bag):
    x = tf.constant(bag, tf.float32)[:, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = layer(x)
    return tape.gradient(found, x).numpy()[:, 0]


def test_the_slope_of_noisy_or_is_the_product_of_the_others():
    np.testing.assert_allclose(slope(NoisyOrPooling(), [0.5, 0.2, 0.0]), [0.8, 0.5, 0.4], rtol=1e-6)
    np.testing.assert_allclose(slope(NoisyOrPooling(), [1.0, 0.25, 0.5]), [0.375, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(slope(NoisyOrPooling(), [1.0, 1.0, 0.5]), [0, 0, 0])


def test_the_slope_of_isr_at_certainty():
    np.testing.assert_allclose(slope(IsrPooling(), [0.0, 0.0]), [1, 1], rtol=1e-6)
    np.testing.assert_allclose(slope(IsrPooling(), [1.0, 0.5, 0.0]), [1, 0, 0], atol=1e-6)
    near = slope(IsrPooling(), [1 - 2.0**-20, 0.5, 0.0])
    np.testing.assert_allclose(near, [1, 0, 0], atol=1e-5)


def test_where_all_are_zero_each_has_its_share_of_the_slope():
    np.testing.assert_allclose(slope(GeneralizedMeanPooling(5), [0.0] * 4), [0.25] * 4, rtol=1e-5)


@pytest.mark.parametrize("layer, name", [(GeneralizedMeanPooling, "r"), (LogSumExpPooling, "r"), (NoisyAndPooling, "slope")])
@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), "2", None, True])
def test_a_parameter_that_cannot_be_is_refused(layer, name, value):
    with pytest.raises(ValueError, match=f"Expected `{name}` as a number above 0. Received: {name}={value!r}"):
        layer(**{name: value})


@pytest.mark.parametrize("start", [0, 1.0, -0.5, float("nan")])
def test_a_start_that_cannot_be_is_refused(start):
    with pytest.raises(ValueError, match=f"Expected `start` between 0 and 1. Received: start={start}"):
        NoisyAndPooling(start=start)
