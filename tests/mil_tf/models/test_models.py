"""A conformance table: every scorer of the package, one row each, through the same properties."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.convnet import convnet
from mil_tf.models.head import logits_model
from mil_tf.models.released import released
from mil_tf.models.resnet import resnet

WINDOW = ("window", 40.0, 80.0)
# name: (builds the network, a size in pixels that it takes)
MODELS = {
    "resnet10": (lambda: resnet(10, 4, "none", False, scaling=WINDOW, stem="small"), 12),
    "resnet10-batch": (lambda: resnet(10, 4, "batch", False, scaling=WINDOW), 33),
    "resnet10-group": (lambda: resnet(10, 8, "group", False, scaling=("ramps", 0, 30, 60, 90), stem="small"), 12),
    "resnet18-dropout": (lambda: resnet(18, 2, "none", False, "gelu", scaling=WINDOW, dropout=0.5), 32),
    "released": (lambda: released(), 64),  # of scaled slices its first answer is 0.5 to the last bit
    "convnet": (lambda: convnet(WINDOW, dropout=0.5), 28),
}


@pytest.fixture(params=MODELS)
def row(request):
    keras.utils.set_random_seed(0)
    build, size = MODELS[request.param]
    return build, size


@pytest.fixture
def policy():
    """Sets the arithmetic of layers that are built next, and sets it back."""
    before = keras.mixed_precision.global_policy()
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy(before)


def slices(count, size, seed=0):
    return np.random.default_rng(seed).normal(40, 30, (count, size, size, 1)).astype(np.float32)


def test_probabilities_sum_to_one_at_two_sizes(row):
    build, size = row
    model = build()
    for pixels in (size, 2 * size + 1):
        found = model(slices(3, pixels), training=False).numpy()
        assert found.shape == (3, 2) and found.dtype == np.float32
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
        assert len(np.unique(found)) > 2  # it looks at the slice


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_arithmetic_ends_in_float32_probabilities(row, policy, name):
    build, size = row
    policy(name)
    model = build()
    found = model(slices(2, size), training=False)
    assert found.dtype == logits_model(model)(slices(2, size)).dtype == tf.float32
    np.testing.assert_allclose(found.numpy().sum(axis=1), 1, rtol=1e-6)
    assert {v.dtype for v in map(tf.convert_to_tensor, model.trainable_variables)} == {tf.float32}


def test_a_graph_computes_what_eager_does(row):
    build, size = row
    model, images = build(), slices(3, size)
    graph = tf.function(lambda x: model(x, training=False))
    np.testing.assert_allclose(graph(images), model(images, training=False), rtol=1e-5, atol=1e-6)


def test_slices_of_a_batch_do_not_see_each_other(row):
    build, size = row
    model, images = build(), slices(4, size)
    whole, order = model(images, training=False).numpy(), [2, 0, 3, 1]
    np.testing.assert_allclose(model(images[order], training=False), whole[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(images[1:2], training=False), whole[1:2], rtol=1e-5, atol=1e-6)


def test_a_saved_model_comes_back(row, tmp_path):
    build, size = row
    model, images = build(), slices(2, size)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images, training=False), model(images, training=False))
    assert [(type(one), one.name) for one in loaded.layers] == [(type(one), one.name) for one in model.layers]


def test_the_gradient_is_the_slope(row, policy):
    build, size = row
    policy("float64")
    network, images = logits_model(build()), slices(3, size).astype(np.float64)
    weights, variables = np.array([[1.0, -2.0]], np.float32), network.trainable_variables
    rng = np.random.default_rng(0)
    for variable in variables:  # biases of exactly zero put deep units on the kink of their activation
        variable.assign_add(rng.normal(0, 0.1, variable.shape).astype(np.float64))

    def value():
        return tf.reduce_sum(network(images, training=False) * weights)

    with tf.GradientTape() as tape:
        total = value()
    gradient = tape.gradient(total, variables)
    length = float(tf.linalg.global_norm([tf.cast(part, tf.float64) for part in gradient]))

    def moved(step):  # along the gradient, where the slope is its length
        for variable, part in zip(variables, gradient):
            variable.assign_add(part * (step / length))
        found = float(value())
        for variable, part in zip(variables, gradient):
            variable.assign_sub(part * (step / length))
        return found

    step = 1e-4
    assert length > 0
    # The head computes in float32, which leaves about three digits of a difference.
    np.testing.assert_allclose((moved(step) - moved(-step)) / (2 * step), length, rtol=2e-2)


def test_the_layer_before_the_softmax_is_shared(row):
    build, size = row
    model, images = build(), slices(2, size)
    logits = logits_model(model)
    np.testing.assert_allclose(tf.nn.softmax(logits(images)), model(images), rtol=1e-5, atol=1e-6)
    assert all(ours is theirs for ours, theirs in zip(logits.trainable_variables, model.trainable_variables))
