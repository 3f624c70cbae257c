"""Both forms with both poolings, through the same properties."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.channels import HuChannels
from mil_tf.models.position_mil import FORMS, POOLINGS, WidenedChannels, network, position_mil

SHARE = {"paper": 4, "released": 8}


@pytest.fixture(params=itertools.product(FORMS, POOLINGS), ids="-".join)
def kind(request):
    keras.utils.set_random_seed(0)
    return request.param


@pytest.fixture
def policy():
    """Sets the arithmetic of layers that are built next, and sets it back."""
    before = keras.mixed_precision.global_policy()
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy(before)


def slices(count, height, width, seed=0):
    return np.random.default_rng(seed).normal(40, 60, (count, height, width, 1)).astype(np.float32)


def awake(model):
    """The model with statistics and offsets other than the initial ones."""
    rng = np.random.default_rng(0)
    moved = [(weight, rng.normal(0, 0.02, weight.shape)) for weight in model.get_weights()]
    model.set_weights([weight + (by if weight.ndim > 1 else np.abs(by)) for weight, by in moved])
    return model


def test_a_slice_of_any_size_has_a_logit_and_a_map(kind):
    form, pooling = kind
    model = awake(position_mil(form, pooling))
    for height, width in ((16, 24), (33, 47)):
        found = model(slices(3, height, width), training=False)
        assert set(found) == {"logit", "map"}
        assert found["logit"].shape == (3, 1)
        assert found["map"].shape == (3, height // SHARE[form], width // SHARE[form], 1)
        assert found["logit"].dtype == found["map"].dtype == tf.float32
        assert len(np.unique(found["logit"])) == 3 and np.ptp(found["map"]) > 0  # it looks at the slices
        if pooling == "max":
            np.testing.assert_allclose(found["logit"][:, 0], tf.reduce_max(found["map"], axis=(1, 2, 3)), rtol=1e-6)
        else:
            np.testing.assert_allclose(tf.reduce_sum(found["map"], axis=(1, 2, 3)), 1, rtol=1e-5)
            assert np.min(found["map"]) >= 0


def test_the_paper_has_18_convolutions_in_9_residual_blocks():
    for pooling in POOLINGS:
        layers = network("paper", pooling).layers
        assert sum(isinstance(layer, keras.layers.Conv2D) for layer in layers) == 18
        assert sum(isinstance(layer, keras.layers.Add) for layer in layers) == 9
        assert sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in layers) == 2


def test_released_has_a_stem_9_convolutions_2_transitions_and_the_head():
    layers = network("released", "max").layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 1 + 9 + 2 + 1 and convolutions[-1].name == "logit_map"
    assert [layer.filters for layer in convolutions[:-1]] == [12] * 4 + [24] * 4 + [36] * 4
    assert all(layer.use_bias and layer.kernel_size == (3, 3) for layer in convolutions)
    assert sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in layers) == 3
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 12 and {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-5)}


def test_the_gates_have_a_bias_in_the_released_form_alone():
    for form in FORMS:
        layer = network(form, "attention").get_layer("pool")
        shapes = sorted(tuple(weight.shape) for weight in layer.weights)
        biases = [(1,), (36,), (36,)] if form == "released" else []
        assert shapes == sorted([(36, 36), (36, 36), (36, 1), *biases])


def test_the_channels_are_made_inside(kind):
    mean, std = (900.0, 700.0, 800.0), (500.0, 900.0, 1000.0)
    model = awake(position_mil(*kind, mean, std))
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    hu = slices(2, 24, 16)
    found, expected = model(hu, training=False), inner(HuChannels(mean, std)(hu), training=False)
    for name in ("logit", "map"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    assert all(ours is theirs for ours, theirs in zip(model.trainable_variables, inner.trainable_variables))


def test_slices_of_a_batch_do_not_see_each_other(kind):
    model, hu = awake(position_mil(*kind)), slices(4, 24, 24)
    whole = model(hu, training=False)
    for index in (2, 0):
        alone = model(hu[index : index + 1], training=False)
        for name in ("logit", "map"):
            np.testing.assert_allclose(alone[name][0], whole[name][index], rtol=1e-4, atol=1e-5)


def test_a_graph_computes_what_eager_does(kind):
    model, hu = awake(position_mil(*kind)), slices(2, 24, 24)
    graph = tf.function(lambda x: model(x, training=False))(hu)
    for name, value in model(hu, training=False).items():
        np.testing.assert_allclose(graph[name], value, rtol=1e-4, atol=1e-5)


def test_a_saved_model_comes_back(kind, tmp_path):
    model, hu = awake(position_mil(*kind, (1, 2, 3), (400, 500, 600))), slices(2, 24, 24)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = loaded(hu, training=False)
    for name, value in model(hu, training=False).items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_arithmetic_ends_in_float32(kind, policy, name):
    policy(name)
    found = awake(position_mil(*kind))(slices(2, 24, 24), training=False)
    for value in found.values():
        assert value.dtype == tf.float32 and np.isfinite(value).all()


def test_every_weight_learns(kind):
    model, hu = position_mil(*kind), slices(4, 32, 32)
    with tf.GradientTape() as tape:
        logit = model(hu, training=True)["logit"]
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.constant([[0.0], [1.0], [0.0], [1.0]]), logit))
    gradients = tape.gradient(loss, model.trainable_variables)
    without = [
        variable.name for variable, gradient in zip(model.trainable_variables, gradients)
        # The bias before a normalisation, and of a score before a softmax, has no effect in training.
        if len(variable.shape) > 1 and not np.abs(gradient).max() > 0
    ]
    assert not without


def test_the_highest_position_stays_the_likeliest():
    """Whatever the last layer learns, its weight on the maximum does not fall below 1, where gradients go on."""
    model = network("paper", "max")
    end = model.get_layer("logit")
    end.kernel.assign([[0.1]])
    optimizer = keras.optimizers.SGD(100.0)
    images = np.random.default_rng(0).normal(0, 1, (2, 16, 16, 3)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(images, training=False)["logit"]) ** 2 + end.kernel[0, 0] * 10.0
    optimizer.apply_gradients([(tape.gradient(loss, end.kernel), end.kernel)])
    assert np.asarray(end.kernel) == [[1.0]]


@pytest.mark.parametrize("form, blocks, seen", [
    ("paper", 1, 32), ("paper", 3, 88), ("released", 1, 52), ("released", 3, 80),
])
def test_a_position_sees_no_more_than_is_said(form, blocks, seen):
    """The middle of a map changes with no pixel farther away than half of what a position of the paper's form sees."""
    model = network(form, "max", blocks)
    image = np.random.default_rng(0).normal(0, 1, (1, 256, 256, 3)).astype(np.float32)
    other = np.random.default_rng(1).normal(0, 1, image.shape).astype(np.float32)
    half = seen // 2 + 8  # the positions of a pooled map lie off the middle
    other[:, 128 - half : 128 + half, 128 - half : 128 + half] = image[:, 128 - half : 128 + half, 128 - half : 128 + half]
    maps = [model(each, training=False)["map"].numpy() for each in (image, other)]
    middle = maps[0].shape[1] // 2
    np.testing.assert_array_equal(maps[0][:, middle, middle], maps[1][:, middle, middle])
    assert (maps[0][:, 0, 0] != maps[1][:, 0, 0]).all()


def test_widened_channels_are_zero():
    found = WidenedChannels(5)(np.ones((1, 2, 3, 2), np.float32))
    np.testing.assert_array_equal(found, np.broadcast_to([1, 1, 0, 0, 0], (1, 2, 3, 5)))


def test_no_blocks_are_refused():
    with pytest.raises(ValueError, match="Expected `blocks` of at least 1"):
        network(blocks=0)


@pytest.mark.parametrize("form, pooling, named", [("literal", "max", "form"), ("paper", "mean", "pooling")])
def test_other_forms_and_poolings_are_refused(form, pooling, named):
    with pytest.raises(ValueError, match=f"Expected `{named}` to be one of"):
        network(form, pooling)
