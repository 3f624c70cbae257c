"""The network of kraus2016: its layers are the paper's, its maps as large as is said, its loss that of equation 2."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.conv_mil import NONE, conv_mil, joint_loss, learner, least, map_side, stride
from mil_tf.registry import UnknownNameError

SMALL = {"widths": (4, 4, 4, 6, 6, 8)}
# Section 4.2, table 1.
TABLE = [f"noisy_and(slope={a})" for a in (5, 7.5, 10)] + ["max"]
TABLE += [f"{name}(r={r})" for name in ("log_sum_exp", "generalized_mean") for r in (1, 2.5, 5)]


@functools.cache
def built(pooling="noisy_and", classes=3, **options):
    keras.utils.set_random_seed(0)
    return conv_mil(classes, 2, (0.2, 0.1), (0.5, 0.4), pooling, **options, **({} if "widths" in options else SMALL))


def images(*sizes, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (2, *sizes, 2)).astype(np.float32)


def test_the_layers_are_the_papers():
    model = conv_mil(12, 3, (0,) * 3, (1,) * 3)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    told = [(layer.name, layer.kernel_size[0], layer.filters) for layer in convolutions]
    assert told == [("conv1", 3, 32), ("conv2", 3, 64), ("conv3", 5, 64), ("conv4", 3, 128), ("conv5", 3, 128),
                    ("conv6", 1, 1000), ("conv7", 1, 12)]
    poolings = [layer.name for layer in model.layers if "Pooling2D" in type(layer).__name__]
    assert poolings == ["ave_pool0", "pool1", "pool2", "pool3", "pool4"]
    rates = {layer.name: layer.rate for layer in model.layers if hasattr(layer, "rate")}
    assert rates == {**{f"pool{i}_dropout": 0.2 for i in range(1, 5)}, "conv6_dropout": 0.5}
    assert model.get_layer("mil_pool").slope == 10 and model.get_layer("last").units == 12


@pytest.mark.parametrize("side, positions", [(63, 1), (64, 1), (94, 1), (95, 2), (96, 2), (126, 2), (127, 3), (900, 27)])
def test_maps_are_as_large_as_is_said(side, positions):
    assert map_side(side) == positions
    if side < 200:
        assert built()(images(side, 64))["logits"].shape == (2, positions, 1, 3)


@pytest.mark.parametrize("first, needed, apart", [(1, 33, 16), (2, 63, 32)])
def test_the_least_side_gives_one_position_and_no_smaller_one_does(first, needed, apart):
    assert (least(first), stride(first)) == (needed, apart)
    assert map_side(needed, first) == 1 == map_side(needed + apart - 1, first)
    assert map_side(needed - 1, first) == 0 and map_side(needed + apart, first) == 2
    assert built(first_stride=first)(images(needed, needed + apart))["logits"].shape == (2, 1, 2, 3)


@pytest.mark.parametrize("pooling", TABLE)
def test_every_pooling_of_the_tables_pools_probabilities_of_its_map(pooling):
    model = built(pooling)
    found = model(images(100, 70))
    again = model.get_layer("mil_pool")(tf.sigmoid(found["logits"]))
    np.testing.assert_allclose(found["pooled"], again, atol=1e-6)
    assert found["pooled"].shape == found["probabilities"].shape == (2, 3)
    np.testing.assert_allclose(tf.reduce_sum(found["probabilities"], 1), 1, atol=1e-6)


def test_before_training_every_class_speaks_for_itself():
    model = built()
    kernel, bias = model.get_layer("last").get_weights()
    np.testing.assert_array_equal(kernel, 4 * np.eye(3))
    np.testing.assert_array_equal(bias, [-2, -2, -2])  # a sigmoid of a half where P_i is one
    found = model(images(100, 70))
    np.testing.assert_array_equal(tf.argsort(found["pooled"]), tf.argsort(found["probabilities"]))


def test_sigmoids_do_not_sum_to_one():
    found = built(ending="sigmoid")(images(64, 64))
    dense = built(ending="sigmoid").get_layer("last")
    expected = tf.sigmoid(dense(found["pooled"]))
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)


def test_the_network_of_cells_pools_no_probabilities():
    model = built(NONE)
    found = model(images(96, 96))
    expected = tf.nn.softmax(tf.reduce_mean(found["logits"], (1, 2)))
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    np.testing.assert_array_equal(found["pooled"], found["probabilities"])
    assert set(learner(model)(images(64, 64))) == {"last"}
    assert not any("mil_pool" in layer.name for layer in model.layers)


def test_the_first_layer_standardises():
    plain = conv_mil(3, 2, (0, 0), (1, 1), **SMALL)
    model = built()
    plain.set_weights(model.get_weights())
    given = images(64, 64)
    np.testing.assert_allclose(
        model(given)["logits"], plain((given - np.float32([0.2, 0.1])) / np.float32([0.5, 0.4]))["logits"], atol=1e-5
    )


@pytest.mark.parametrize("ending", ["softmax", "sigmoid"])
def test_the_loss_is_that_of_equation_2(ending):
    model = built(ending=ending)
    targets = np.eye(3, dtype=np.float32)[[2, 0]] if ending == "softmax" else np.float32([[1, 0, 1], [0, 0, 0]])
    given = images(70, 100)
    found = {name: value.numpy().astype(np.float64) for name, value in model(given).items()}
    expected = []
    for t, pooled, y in zip(targets, found["pooled"], found["probabilities"]):
        binary = [-np.log(p if one else 1 - p) for one, p in zip(t, pooled)]
        last = [-np.log(y[t.argmax()])] if ending == "softmax" else [
            -np.log(p if one else 1 - p) for one, p in zip(t, y)
        ]
        expected.append(sum(binary) + sum(last))
    losses = joint_loss(ending)(targets, learner(model)(given))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize("pooled", [0.0, 1.0])
def test_the_loss_of_a_saturated_pooling_is_finite(pooled):
    found = {"pooled": tf.fill((1, 3), pooled), "last": tf.constant([[200.0, -200.0, 0.0]])}
    for ending in ("softmax", "sigmoid"):
        assert np.isfinite(joint_loss(ending)(np.float32([[0, 1, 0]]), found)).all()


def test_the_model_of_the_loss_shares_the_weights():
    model = built()
    seen = learner(model)
    assert [id(each) for each in seen.trainable_variables] == [id(each) for each in model.trainable_variables]


@pytest.mark.parametrize(
    "given, error, told",
    [
        ({"ending": "tanh"}, ValueError, "Expected `ending` to be one of"),
        ({"widths": (4, 4)}, ValueError, "Expected `widths` of 6 convolutions, at least 1. Received: widths="),
        ({"first_stride": 3}, ValueError, "Expected `first_stride` of 1 or 2"),
        ({"pooling": "attention"}, ValueError, "Expected `pooling` to be one of"),
        ({"pooling": "noisy"}, UnknownNameError, "did you mean 'noisy_"),
    ],
)
def test_what_cannot_be_is_refused(given, error, told):
    with pytest.raises(error, match=told):
        built(**given)
