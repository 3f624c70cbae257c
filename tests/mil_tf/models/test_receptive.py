"""The margin that the graph tells, beside what a changed pixel changes."""

import keras
import numpy as np
import pytest

from mil_tf.models.folded import Folded
from mil_tf.models.receptive import Context, context
from mil_tf.models.resnet import resnet

SIZE = 448


def flat(*layers, channels=1):
    x = inputs = keras.Input((None, None, channels))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def conv(kernel, stride=1, padding="same", **more):
    return keras.layers.Conv2D(2, kernel, stride, padding=padding, **more)


def branched():
    inputs = keras.Input((None, None, 1))
    left = conv(5, 2)(inputs)
    right = keras.layers.MaxPooling2D(3, 2, padding="same")(conv(3)(inputs))
    return keras.Model(inputs, keras.layers.Concatenate()([left, right]))


def nested():
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, conv(3)(flat(conv(3, 2), keras.layers.ReLU(), channels=2)(conv(3, 2)(inputs))))


def features(model):
    """Up to what the last pooling is given."""
    return keras.Model(model.input, model.get_layer("pool").input)


def resnet50():
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=(None, None, 3))


NETWORKS = {
    "one pixel": lambda: flat(conv(1), keras.layers.Activation("relu")),
    "three by three": lambda: flat(conv(3)),
    "even kernel": lambda: flat(conv(4, 2)),
    "stride without a window": lambda: flat(conv(1, 4), conv(3)),
    "dilated": lambda: flat(conv(3, 2), conv(3, dilation_rate=4)),
    "depthwise": lambda: flat(conv(3, 2), keras.layers.DepthwiseConv2D(7, padding="same")),
    "separable": lambda: flat(conv(3, 2), keras.layers.SeparableConv2D(2, 5, padding="same")),
    "padded by hand": lambda: flat(keras.layers.ZeroPadding2D(3), conv(7, 2, "valid"), conv(3)),
    "padded on one side": lambda: flat(keras.layers.ZeroPadding2D(((0, 2), (2, 0))), conv(3, 1, "valid")),
    "unlike sides": lambda: flat(conv((3, 9), 2), keras.layers.AveragePooling2D((5, 1), 2, padding="same")),
    "patches": lambda: flat(conv(4, 4, "valid"), keras.layers.LayerNormalization(), conv(3)),
    "branched": branched,
    "nested": nested,
    "resnet10": lambda: features(resnet(10, 2, "batch", False)),
    "resnet18": lambda: features(resnet(18, 2, "batch", False, stem="small")),
    "resnet10 without norm": lambda: features(resnet(10, 2, "none", False, stem="half")),
}


def reach(model, stride, rng):
    """How many pixels past the sides of a changed pixel's cell, rounded up to cells, change or are changed."""
    image = rng.normal(0, 1, (1, SIZE, SIZE, model.input_shape[-1])).astype(np.float32)
    before, middle, most = model(image, training=False).numpy(), SIZE // stride // 2, 0
    for shift in {0, stride // 2, stride - 1}:
        changed = image.copy()
        changed[:, middle * stride + shift, middle * stride + shift] += 100
        apart = np.abs(model(changed, training=False).numpy() - before)[0].max(axis=-1)
        places = np.argwhere(apart > 0)
        most = max(most, int(np.abs(places - middle).max(initial=0)))
    return most * stride


@pytest.mark.parametrize("name", NETWORKS)
def test_a_changed_pixel_changes_what_is_within_the_margin_and_nothing_beyond(name):
    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    for layer in model.layers:  # averages of weights above 0, so that no path is cut off by a rectifier
        layer.set_weights([np.abs(weight) + 0.01 for weight in layer.get_weights()])
    stride, margin = context(model)
    found = reach(model, stride, np.random.default_rng(0))
    assert found <= margin
    assert found >= margin - stride  # a margin that is wider than it must be costs pixels


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_cut_beyond_the_margin_is_not_missed(name):
    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    stride, margin = context(model)
    image = np.random.default_rng(0).normal(0, 1, (1, SIZE, SIZE, model.input_shape[-1])).astype(np.float32)
    start, stop = margin + 3 * stride, SIZE - margin - 2 * stride
    cut = image[:, start - margin : stop + margin, start - margin : stop + margin]
    edge = margin // stride
    found = model(cut, training=False).numpy()[:, edge : edge + (stop - start) // stride, edge : edge + (stop - start) // stride]
    expected = model(image, training=False).numpy()[:, start // stride : stop // stride, start // stride : stop // stride]
    assert found.shape == expected.shape and found.size
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_known_fields():
    assert context(resnet50()) == Context(32, 256)  # a field of 483 pixels, 241 to either side
    assert context(flat(conv(3, 2), conv(3, 2))) == Context(4, 4)
    assert context(flat(conv(1))) == Context(1, 0)


def test_the_folded_twin_looks_as_far():
    model = resnet(10, 4, "batch", False)
    twin = Folded(model, "float32").network
    assert context(keras.Model(twin.input, twin.get_layer("pool").input)) == context(features(model))


class Own(keras.layers.Layer):
    def call(self, inputs):
        return inputs


class OwnPointwise(Own):
    pointwise = True


def test_layers_of_ones_own():
    assert context(features(resnet(10, 4, scaling=("ramps", 0, 40, 80)))) == context(features(resnet(10, 4)))
    assert context(flat(conv(3), OwnPointwise())) == Context(1, 1)
    with pytest.raises(ValueError, match="Received: 'own', a Own"):
        context(flat(conv(3), Own(name="own")))


@pytest.mark.parametrize(
    "layers, told",
    [([conv(3, 2, "valid")], "as many positions"), ([conv((3, 3), (2, 1))], "as many positions"),
     ([keras.layers.GlobalAveragePooling2D(name="all")], "'all'"),
     ([keras.layers.UpSampling2D(name="up")], "'up'"), ([keras.layers.Conv2DTranspose(2, 2, 2, name="up")], "'up'")],
)
def test_what_has_no_margin(layers, told):
    with pytest.raises(ValueError, match=told):
        context(flat(*layers))
