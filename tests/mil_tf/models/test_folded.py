import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.convnet import convnet
from mil_tf.models.folded import BiasedConvolution, Folded, folded_weights
from mil_tf.models.released import released
from mil_tf.models.resnet import resnet

WINDOW = ("window", 40.0, 80.0)
RAMPS = ("ramps", 0, 30, 60, 90)
# name: (builds the network, a size in pixels that it takes)
MODELS = {
    "resnet10": (lambda: resnet(10, 8, "batch", False, scaling=RAMPS, stem="small"), 16),
    "resnet34": (lambda: resnet(34, 8, "batch", False, scaling=WINDOW), 64),
    "resnet10-none": (lambda: resnet(10, 8, "none", False, scaling=WINDOW, stem="half"), 16),
    "resnet10-group": (lambda: resnet(10, 8, "group", False, scaling=WINDOW, stem="light", dropout=0.5), 32),
    "resnet10-gelu": (lambda: resnet(10, 8, "batch", False, "gelu", scaling=WINDOW, stem="small", pool="max"), 16),
    "released": (lambda: released(WINDOW), 64),
    "convnet": (lambda: convnet(WINDOW, dropout=0.5), 28),
}


@pytest.fixture(params=MODELS)
def row(request):
    keras.utils.set_random_seed(0)
    build, size = MODELS[request.param]
    return learned(build()), size


def learned(model):
    """A network whose moving averages, scales and shifts are not the initial ones."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.5, shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, shape))
            layer.beta.assign(rng.normal(0, 0.3, shape))
            layer.gamma.assign(rng.uniform(0.5, 1.5, shape))
    return model


def slices(count, size, seed=0):
    return np.random.default_rng(seed).normal(40, 30, (count, size, size, 1)).astype(np.float32)


def softmaxed(twin, images):
    return tf.nn.softmax(twin.network(images, training=False)[1]).numpy()


def test_in_float32_the_twin_is_the_model(row):
    model, size = row
    for pixels in (size, size + 5):
        images = slices(4, pixels)
        np.testing.assert_allclose(softmaxed(Folded(model, "float32"), images), model(images), atol=1e-5)


@pytest.mark.parametrize("dtype, tolerance", [("bfloat16", 0.05), ("float16", 0.01)])
def test_in_low_precision_it_is_near(row, dtype, tolerance):
    model, size = row
    images = slices(8, size)
    twin = Folded(model, dtype)
    found = softmaxed(twin, images)
    assert found.dtype == np.float32 and np.abs(found - model(images)).max() < tolerance
    convolutions = [layer for layer in twin.network.layers if isinstance(layer, BiasedConvolution)]
    assert convolutions and {layer.compute_dtype for layer in convolutions} == {dtype}


def test_every_convolution_is_folded_and_no_norm_is_left():
    model = resnet(34, 8, "batch", scaling=WINDOW)
    names = [type(layer).__name__ for layer in Folded(model).network.layers]
    assert names.count("BiasedConvolution") == 36 and "Conv2D" not in names and "BatchNormalization" not in names


def test_it_follows_the_model_only_when_refreshed():
    keras.utils.set_random_seed(0)
    model, images = learned(resnet(10, 8, "batch", False, scaling=WINDOW, stem="small")), slices(4, 16)
    twin, before = Folded(model, "float32"), model(images).numpy()
    for variable in model.weights:
        variable.assign(variable * 1.1)
    np.testing.assert_allclose(softmaxed(twin, images), before, atol=1e-5)
    twin.refresh()
    np.testing.assert_allclose(softmaxed(twin, images), model(images), atol=1e-5)
    assert np.abs(model(images) - before).max() > 1e-3


def test_the_twin_trains_nothing_and_leaves_the_model_alone(row):
    model, size = row
    before = model.get_weights()
    twin = Folded(model)
    softmaxed(twin, slices(2, size))
    assert not [layer for layer in twin.network.layers if isinstance(layer, BiasedConvolution) and layer.trainable_weights]
    for kept, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_folding_is_the_convolution_and_then_the_norm():
    rng = np.random.default_rng(1)
    convolution = keras.layers.Conv2D(3, 3, padding="same", bias_initializer="random_normal")
    norm = keras.layers.BatchNormalization(epsilon=1e-3)
    images = rng.normal(size=(2, 6, 6, 2)).astype(np.float32)
    norm(convolution(images))
    for variable, low in ((norm.gamma, 0.5), (norm.beta, -1), (norm.moving_mean, -1), (norm.moving_variance, 0.1)):
        variable.assign(rng.uniform(low, 2, 3))
    kernel, bias = folded_weights(convolution, norm)
    expected = norm(convolution(images), training=False)
    np.testing.assert_allclose(tf.nn.conv2d(images, kernel, 1, "SAME") + bias, expected, atol=1e-5)


def test_what_reads_a_convolution_beside_its_norm_keeps_both():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", name="conv")(inputs)
    y = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(keras.layers.Add()([x, y]))
    outputs = keras.layers.Activation("softmax", name="probabilities")(keras.layers.Dense(2, name="logits")(x))
    model = learned(keras.Model(inputs, outputs))
    np.testing.assert_allclose(softmaxed(Folded(model, "float32"), slices(2, 8)), model(slices(2, 8)), atol=1e-5)
