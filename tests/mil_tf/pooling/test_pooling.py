"""A conformance table: every pooling operator, one row each, through the same properties."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.pooling.attention import AttentionPooling
from mil_tf.pooling.gated_attention import GatedAttentionPooling
from mil_tf.pooling.generalized_mean import GeneralizedMeanPooling
from mil_tf.pooling.isr import IsrPooling
from mil_tf.pooling.log_sum_exp import LogSumExpPooling
from mil_tf.pooling.max import MaxPooling
from mil_tf.pooling.mean import MeanPooling
from mil_tf.pooling.names import POOLINGS
from mil_tf.pooling.noisy_and import NoisyAndPooling
from mil_tf.pooling.noisy_or import NoisyOrPooling

# Relative error of what comes out against float64 on the same input: half a unit in the last place of the dtype, and
# for attention the matrix products that are taken in it.
TOLERANCE = {"float16": (1e-3, 5e-3), "bfloat16": (8e-3, 4e-2)}
CHANNELS = 3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def noisy_and(p, layer):
    a, b, m = layer.slope, sigmoid(np.asarray(layer.threshold_logit, np.float64)), p.mean(0)
    return (sigmoid(a * (m - b)) - sigmoid(-a * b)) / (sigmoid(a * (1 - b)) - sigmoid(-a * b))


def attention(h, layer):
    found = {weight.name.split("/")[-1].split(":")[0]: np.asarray(weight, np.float64) for weight in layer.weights}
    hidden = np.tanh(h @ found["V"] + found.get("V_bias", 0))
    if "U" in found:
        hidden = hidden * sigmoid(h @ found["U"] + found.get("U_bias", 0))
    powers = np.exp(hidden @ found["w"] + found.get("w_bias", 0))
    return (powers * h).sum(0) / powers.sum()


class Row(NamedTuple):
    """build: of the layer. equation: (n, c) of one bag, layer -> (c,), the paper's, in numpy."""

    build: Callable
    equation: Callable


OPERATORS = {
    "max": Row(MaxPooling, lambda p, layer: p.max(0)),
    "mean": Row(MeanPooling, lambda p, layer: p.mean(0)),
    "noisy_or": Row(NoisyOrPooling, lambda p, layer: 1 - np.prod(1 - p, 0)),
    "isr": Row(IsrPooling, lambda p, layer: (p / (1 - p)).sum(0) / (1 + (p / (1 - p)).sum(0))),
    "generalized_mean": Row(GeneralizedMeanPooling, lambda p, layer: (p**layer.r).mean(0) ** (1 / layer.r)),
    "log_sum_exp": Row(LogSumExpPooling, lambda p, layer: np.log(np.exp(layer.r * p).mean(0)) / layer.r),
    "noisy_and": Row(lambda **more: NoisyAndPooling(7.5, 0.4, **more), noisy_and),
    "attention": Row(lambda **more: AttentionPooling(4, **more), attention),
    "gated_attention": Row(lambda **more: GatedAttentionPooling(4, use_bias=True, **more), attention),
}
OF_PROBABILITIES = [name for name in OPERATORS if POOLINGS[name].takes == "probabilities"]
# Those that lie between the least and the greatest instance.
AVERAGES = ("max", "mean", "generalized_mean", "log_sum_exp")
many = pytest.mark.parametrize("name", OPERATORS)
of_probabilities = pytest.mark.parametrize("name", OF_PROBABILITIES)


def made(name, **more):
    """The layer, built, with biases and thresholds that are not the initial ones and are equal in every dtype."""
    layer = OPERATORS[name].build(**more)
    layer(np.full((2, CHANNELS) if "axis" not in more else (2, 2, CHANNELS), 0.5))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in layer.get_weights()])
    return layer


def instances(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.02, 0.98, (*shape, CHANNELS)).astype(np.float32)


def gradient(layer, x, mask=None):
    """Of what comes out, differently weighted, with respect to the instances and then the layer's variables."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = tf.cast(layer(x, mask=mask), x.dtype)
        weights = tf.reshape(tf.range(1, 1 + tf.size(found)), tf.shape(found))
        total = tf.reduce_sum(found * tf.cast(weights, x.dtype))
    return [np.asarray(one) for one in tape.gradient(total, [x, *layer.trainable_variables])]


def functional(layer):
    x, mask = keras.Input((None, CHANNELS)), keras.Input((None,), dtype="bool")
    return keras.Model([x, mask], layer(x, mask=mask))


def test_every_operator_has_a_row():
    assert set(OPERATORS) == set(POOLINGS)


@many
def test_it_is_the_papers_equation(name):
    layer, x = made(name, dtype="float64"), instances(4, 7).astype(np.float64)
    expected = [OPERATORS[name].equation(bag, layer) for bag in x]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12)
    np.testing.assert_allclose(made(name)(x), expected, rtol=2e-6)


@many
def test_padding_counts_for_nothing_whatever_stands_in_it(name):
    layer, x, counts = made(name), instances(3, 6), np.array([6, 2, 1])
    mask = np.arange(6) < counts[:, None]
    rubbish = np.where(mask[..., None], x, np.float32([np.nan, np.inf, -7]))
    alone = np.stack([layer(bag[:count]) for bag, count in zip(x, counts)])
    np.testing.assert_allclose(layer(rubbish, mask=mask), alone, rtol=1e-6)
    longer = np.pad(rubbish, ((0, 0), (2, 5), (0, 0)))
    np.testing.assert_allclose(layer(longer, mask=np.pad(mask, ((0, 0), (2, 5)))), alone, rtol=1e-6)
    slopes = gradient(layer, rubbish, mask)
    assert not slopes[0][~mask].any() and all(np.isfinite(one).all() for one in slopes)


@many
def test_without_a_mask_all_are_valid(name):
    layer, x = made(name), instances(2, 5)
    np.testing.assert_array_equal(layer(x), layer(x, mask=np.ones((2, 5), bool)))


@many
def test_an_empty_bag_gives_zero_and_no_gradient(name):
    layer, x, mask = made(name), instances(2, 4), np.array([[True] * 4, [False] * 4])
    found = layer(x, mask=mask).numpy()
    assert found[0].all() and not found[1].any()
    assert not layer(x[:, :0]).numpy().any()
    slopes = gradient(layer, x, mask)
    assert slopes[0][0].any() and not slopes[0][1].any() and all(np.isfinite(one).all() for one in slopes)
    assert not any(one.any() for one in gradient(layer, x[1:], mask[1:]))


@many
def test_the_order_of_instances_does_not_matter(name):
    layer, x, order = made(name), instances(3, 9), np.random.default_rng(1).permutation(9)
    np.testing.assert_allclose(layer(x[:, order]), layer(x), rtol=1e-6)


@many
def test_the_gradient_is_the_slope(name):
    layer, x = made(name, dtype="float64"), instances(2, 4).astype(np.float64)
    mask = np.array([[True] * 4, [True, True, False, True]])
    found, step = gradient(layer, x, mask), 1e-6
    weights = np.arange(1, 7).reshape(2, CHANNELS)

    def value():
        return float((layer(x, mask=mask).numpy() * weights).sum())

    def slope(move):
        move(step)
        high = value()
        move(-2 * step)
        low = value()
        move(step)
        return (high - low) / (2 * step)

    for place in np.ndindex(x.shape):
        def move(by, place=place):
            x[place] += by
        np.testing.assert_allclose(found[0][place], slope(move), rtol=1e-5, atol=1e-8)
    for variable, expected in zip(layer.trainable_variables, found[1:]):
        for place in np.ndindex(expected.shape):
            def move(by, variable=variable, place=place):
                moved = np.copy(variable)
                moved[place] += by
                variable.assign(moved)
            np.testing.assert_allclose(expected[place], slope(move), rtol=1e-5, atol=1e-8)


@many
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_certain_instances_have_finite_gradients(name, dtype):
    layer = made(name, dtype="float32" if dtype == "float32" else f"mixed_{dtype}")
    bags = [[0, 0, 0], [1, 1, 1], [0, 1, 0.5], [1, 0, 0], [0.5, 0.5, 0.5], [1e-7, 0, 1 - 1e-7]]
    x = np.repeat(np.float32(bags)[..., None], CHANNELS, -1)
    found = tf.cast(layer(x), tf.float32).numpy()
    assert np.isfinite(found).all() and all(np.isfinite(one).all() for one in gradient(layer, x))
    if name in OF_PROBABILITIES:
        np.testing.assert_allclose(found[:2], [[0] * CHANNELS, [1] * CHANNELS], atol=1e-7)


@of_probabilities
def test_a_certain_mistake_can_be_unlearned(name):
    """An only instance that is certain still has the slope of what it says: none of these is clipped."""
    layer = made(name)
    for value in (0.0, 1.0):
        assert (gradient(layer, np.full((1, 1, CHANNELS), value, np.float32))[0] > 0).all()


@many
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_mixed_arithmetic_is_near_float64(name, dtype):
    layer, exact = made(name, dtype=f"mixed_{dtype}"), made(name, dtype="float64")
    x = tf.cast(instances(3, 200), dtype)
    found = layer(x)
    assert found.dtype == dtype and {np.dtype("float32")} >= {weight.dtype for weight in layer.get_weights()}
    expected = exact(tf.cast(x, tf.float64))
    tolerance = TOLERANCE[dtype][name not in OF_PROBABILITIES]
    np.testing.assert_allclose(tf.cast(found, tf.float64), expected, rtol=tolerance)


@many
def test_a_graph_computes_what_eager_does(name):
    layer, x, mask = made(name), instances(3, 5), np.arange(5) < np.array([[5], [2], [0]])
    graph = tf.function(
        lambda x, mask: layer(x, mask=mask),
        input_signature=[tf.TensorSpec([None, None, CHANNELS]), tf.TensorSpec([None, None], tf.bool)],
    )
    np.testing.assert_allclose(graph(x, mask), layer(x, mask=mask), rtol=1e-6)


@many
def test_a_saved_model_comes_back(name, tmp_path):
    model = functional(made(name))
    x, mask = instances(2, 5), np.arange(5) < np.array([[5], [3]])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded([x, mask]), model([x, mask]))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


@many
def test_a_savedmodel_needs_no_keras(name, tmp_path):
    model, module = functional(made(name)), tf.Module()
    module.model = model
    spec = [tf.TensorSpec([None, None, CHANNELS]), tf.TensorSpec([None, None], tf.bool)]
    module.call = tf.function(lambda x, mask: model([x, mask]), input_signature=spec)
    tf.saved_model.save(module, str(tmp_path / "export"))
    x, mask = instances(2, 5), np.arange(5) < np.array([[5], [0]])
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(loaded.call(x, mask), model([x, mask]), rtol=1e-6)


@many
def test_any_leading_shape(name):
    layer, x = made(name), instances(2, 3, 5)
    mask = np.random.default_rng(0).random((2, 3, 5)) < 0.6
    found = layer(x, mask=mask).numpy()
    assert found.shape == (2, 3, CHANNELS) == tuple(layer.compute_output_shape((2, 3, 5, CHANNELS)))
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(layer(x[place], mask=mask[place]), found[place], rtol=1e-6)


@many
def test_positions_of_a_feature_map_are_instances(name):
    flat, layer, x = made(name), made(name, axis=(-3, -2)), instances(2, 4, 5)
    mask = np.random.default_rng(0).random((2, 4, 5)) < 0.6
    expected = flat(x.reshape(2, 20, CHANNELS), mask=mask.reshape(2, 20))
    np.testing.assert_allclose(layer(x, mask=mask), expected, rtol=1e-6)
    assert tuple(layer.compute_output_shape((None, 4, 5, CHANNELS))) == (None, CHANNELS)
    slopes = gradient(layer, x, mask)[0].reshape(2, 20, CHANNELS)
    np.testing.assert_allclose(slopes, gradient(flat, x.reshape(2, 20, CHANNELS), mask.reshape(2, 20))[0], atol=1e-5)


@of_probabilities
def test_a_more_positive_instance_never_makes_a_less_positive_bag(name):
    layer, x, rng = made(name, dtype="float64"), instances(50, 6).astype(np.float64), np.random.default_rng(2)
    before = layer(x).numpy()
    place = rng.integers(6, size=50)
    raised = x.copy()
    raised[range(50), place] += rng.uniform(0, 1, (50, CHANNELS)) * (1 - raised[range(50), place])
    assert (layer(raised).numpy() >= before - 1e-12).all()
    assert (gradient(layer, x)[0] >= 0).all()


@of_probabilities
def test_the_range(name):
    layer, rng = made(name), np.random.default_rng(3)
    x = np.clip(rng.normal(0.5, 0.7, (200, 6, CHANNELS)), 0, 1).astype(np.float32)
    found = layer(x).numpy()
    assert found.min() >= 0 and found.max() <= 1 + 1e-6
    if name in AVERAGES:
        assert (found >= x.min(1) - 1e-6).all() and (found <= x.max(1) + 1e-6).all()


@pytest.mark.parametrize("name", ["max", "mean", "log_sum_exp"])
def test_logits_may_be_pooled_too(name):
    layer, x = made(name), np.random.default_rng(0).normal(0, 300, (4, 6, CHANNELS)).astype(np.float32)
    found = layer(x).numpy()
    assert (found >= x.min(1)).all() and (found <= x.max(1)).all()
    np.testing.assert_allclose(layer(x + 100), found + 100, rtol=1e-4)


@many
def test_many_instances_are_pooled_in_float32(name):
    layer, exact, x = made(name, dtype="mixed_float16"), made(name, dtype="float64"), instances(1, 70_000)
    x = tf.cast(x, tf.float16)
    expected = exact(tf.cast(x, tf.float64))
    np.testing.assert_allclose(tf.cast(layer(x), tf.float64), expected, rtol=5e-3)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("axis", [-1, 1, (), (-2, -2), (-2, -1), "a", None, -2.0, True])
def test_an_axis_that_cannot_be_is_refused(name, axis):
    with pytest.raises(ValueError, match="Expected `axis` as one or more different numbers below -1.* Received: axis="):
        OPERATORS[name].build(axis=axis)


@many
def test_shapes_that_cannot_be_are_refused(name):
    layer, x = made(name), instances(2, 4)
    with pytest.raises(ValueError, match=r"Expected a `mask` with the axes of the input but the last. Received: a mask of shape \(2, 4, 1\)"):
        layer(x, mask=np.ones((2, 4, 1), bool))
    with pytest.raises(ValueError, match=r"Expected an input with an axis -3. Received: shape \(4, 3\)"):
        OPERATORS[name].build(axis=(-3, -2))(x[0])
