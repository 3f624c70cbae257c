"""Equation 5 against explicit Jacobian matrices, multiplied and rectified in numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from mil_tf.localization.jacobian import JacobianMapper, jacobian_maps
from tests.mil_tf.localization.conv_mil import body, ended, layers, small


def image_of(height=12, width=16, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (height, width, channels)).astype(np.float32)


def matrix(layer, x):
    """dz / dx of a layer of one input as a dense matrix, and what it gives."""
    y = layer(x)
    rows = int(tf.size(y))
    copies = tf.repeat(x, rows, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(copies)
        found = layer(copies)
    gradient = tape.gradient(found, copies, tf.reshape(tf.eye(rows), (rows, *y.shape[1:])))
    return gradient.numpy().reshape(rows, -1), y


def seeds(model, image):
    """(P_i p_ij, (h', w', k)) from what the model gives."""
    found = model(image[None])
    return (found["pooled"].numpy()[:, None, None] * expit(found["logits"].numpy()))[0]


def chained(model, image, kept=None):
    """Equation 5 on a chain of layers up to the class maps, (h, w)."""
    matrices, x = [], tf.constant(image[None])
    for layer in model.layers[1:]:
        found, x = matrix(layer, x)
        matrices.append(found)
        if layer.name == "class_maps":
            break
    seed = seeds(model, image)
    signal = (seed if kept is None else seed * np.eye(seed.shape[-1])[kept]).ravel()
    for found in reversed(matrices):
        signal = np.maximum(0, found.T @ signal)
    return signal.reshape(image.shape).sum(axis=-1)


def reseeded(build, seed=1):
    keras.utils.set_random_seed(seed)
    return build()


def normalised():
    model = body(layers.Conv2D(4, 3), layers.BatchNormalization(name="norm"), layers.ReLU(),
                 layers.MaxPooling2D(2), layers.Conv2D(4, 3, activation="elu"))
    random = np.random.default_rng(3)
    model.get_layer("norm").set_weights([random.normal(0, 1, 4), *random.normal(0, 1, (2, 4)), random.uniform(1, 2, 4)])
    return model


def dropped():
    """With dropout that the graph itself asks for."""
    x = inputs = keras.Input((None, None, 2))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Dropout(0.5)(x, training=True)
    return ended(inputs, layers.Conv2D(3, 1, name="class_maps")(x))


@pytest.mark.parametrize("build", [small, normalised])
def test_a_chain_of_layers_is_equation_5(build):
    model = reseeded(build)
    image = image_of()
    found = JacobianMapper(model)
    np.testing.assert_allclose(found(image).jacobian, chained(model, image), rtol=1e-4, atol=1e-7)
    each = found(image, [2, 0]).jacobian
    assert each.shape == (12, 16, 2)
    for place, kept in enumerate((2, 0)):
        np.testing.assert_allclose(each[..., place], chained(model, image, kept), rtol=1e-4, atol=1e-7)
    assert chained(model, image).max() > 0  # or everything above was equal to nothing


def test_the_signal_is_rectified_between_layers_and_not_only_at_the_end():
    model, image = reseeded(small), image_of()
    with tf.GradientTape() as tape:
        x = tf.constant(image[None])
        tape.watch(x)
        logits = model(x)["logits"]
    plain = tape.gradient(logits, x, seeds(model, image)[None]).numpy()[0]
    assert (plain < 0).any()
    assert not np.allclose(JacobianMapper(model)(image).jacobian, np.maximum(plain, 0).sum(axis=-1), rtol=0.1)


def test_without_a_negative_signal_it_is_the_plain_gradient():
    model, image = reseeded(small), image_of()
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([np.abs(weight) for weight in layer.get_weights()])
    with tf.GradientTape() as tape:
        x = tf.constant(image[None])
        tape.watch(x)
        logits = model(x)["logits"]
    plain = tape.gradient(logits, x, seeds(model, image)[None]).numpy()[0].sum(axis=-1)
    np.testing.assert_allclose(JacobianMapper(model)(image).jacobian, plain, rtol=1e-5)


def branched():
    """Two convolutions of one tensor, added and set beside it."""
    inputs = keras.Input((None, None, 2))
    x = layers.Conv2D(3, 3, padding="same", name="stem")(inputs)
    left = layers.Conv2D(3, 3, padding="same", name="left")(x)
    right = layers.Conv2D(3, 1, name="right")(x)
    both = layers.Concatenate(name="both")([layers.Add(name="add")([left, right]), x])
    return ended(inputs, layers.Conv2D(3, 1, name="class_maps")(both))


def test_where_branches_meet_their_sum_is_rectified():
    model, image = reseeded(branched), image_of(6, 7)
    of = {}
    x = tf.constant(image[None])
    of["stem"], stem = matrix(model.get_layer("stem"), x)
    of["left"], left = matrix(model.get_layer("left"), stem)
    of["right"], right = matrix(model.get_layer("right"), stem)
    both = tf.concat([left + right, stem], axis=-1)
    of["class_maps"], _ = matrix(model.get_layer("class_maps"), both)
    signal = np.maximum(0, of["class_maps"].T @ seeds(model, image).ravel()).reshape(*both.shape[1:])
    added, passed = signal[..., :3].ravel(), signal[..., 3:].ravel()
    at_stem = np.maximum(0, of["left"].T @ added + of["right"].T @ added + passed)
    apart = sum(np.maximum(0, each) for each in (of["left"].T @ added, of["right"].T @ added, passed))
    expected = np.maximum(0, of["stem"].T @ at_stem).reshape(image.shape).sum(axis=-1)
    np.testing.assert_allclose(JacobianMapper(model)(image).jacobian, expected, rtol=1e-4, atol=1e-7)
    assert not np.allclose(at_stem, apart, rtol=1e-3)  # so that the two readings can be told from each other


def nested():
    inner = [layers.Conv2D(4, 3, padding="same", name="a"), layers.Activation("relu", name="b")]
    x = within = keras.Input((None, None, 2))
    for layer in inner:
        x = layer(x)
    innermost = keras.Model(within, x)
    flat = [*inner, layers.Conv2D(2, 3, padding="same", name="c"), layers.ReLU(name="d")]
    middle = keras.Sequential([innermost, *flat[2:]])
    end = layers.Conv2D(3, 1, name="class_maps")
    outer, plain = keras.Input((None, None, 2)), keras.Input((None, None, 2))
    y = plain
    for layer in flat:
        y = layer(y)
    return ended(outer, end(middle(outer))), ended(plain, end(y))


def test_models_within_models_are_followed():
    model, flat = reseeded(nested)
    flat.set_weights(model.get_weights())
    image = image_of()
    np.testing.assert_allclose(JacobianMapper(model)(image).jacobian, chained(flat, image), rtol=1e-4, atol=1e-7)


def test_a_layer_that_is_called_twice_is_two_layers():
    twice = layers.Conv2D(2, 3, padding="same", activation="relu")
    model = reseeded(lambda: body(twice, twice))
    other = body(*(layers.Conv2D(2, 3, padding="same", activation="relu") for _ in range(2)))
    weights = model.get_weights()
    other.set_weights(weights[:2] * 2 + weights[2:])
    found, expected = (JacobianMapper(each)(image_of()).jacobian for each in (model, other))
    np.testing.assert_array_equal(found, expected)


def test_it_is_run_in_inference_whatever_the_graph_asks_for():
    model, image = reseeded(dropped), image_of()
    mapper = JacobianMapper(model)
    first = mapper(image)
    assert first.jacobian.any()
    np.testing.assert_array_equal(first.jacobian, mapper(image).jacobian)
    expected = model.get_layer("class_maps")(model.layers[1](image[None])).numpy()[0]
    np.testing.assert_allclose(first.logits, expected, rtol=1e-5, atol=1e-6)


def test_what_the_model_says_is_unchanged():
    model, image = reseeded(small), image_of()
    found, expected = JacobianMapper(model)(image), model(image[None])
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value.numpy()[0], rtol=1e-5, atol=1e-6)


def test_a_map_moves_with_its_image():
    model = reseeded(lambda: body(layers.Conv2D(4, 3, padding="same"), layers.Activation("relu"),
                                  layers.MaxPooling2D(2), layers.Conv2D(4, 3, padding="same"), layers.ReLU()))
    spot = np.zeros((40, 40, 2), np.float32)
    spot[12:20, 12:20] = image_of(8, 8)
    mapper, seen = JacobianMapper(model), slice(8, 24)
    before, after = (mapper(each) for each in (spot, np.roll(spot, (4, 8), axis=(0, 1))))
    np.testing.assert_allclose(before.pooled, after.pooled, rtol=1e-5)
    assert before.jacobian[seen, seen].any()
    np.testing.assert_allclose(after.jacobian[12:28, 16:32], before.jacobian[seen, seen], rtol=1e-4, atol=1e-7)


def test_images_of_several_sizes_and_a_stack():
    model = reseeded(small)
    mapper = JacobianMapper(model)
    assert [mapper(image_of(*shape)).jacobian.shape for shape in ((12, 16), (31, 9))] == [(12, 16), (31, 9)]
    images = np.stack([image_of(seed=seed) for seed in range(3)])
    found = jacobian_maps(model, images)
    assert found.shape == (3, 12, 16) and found.dtype == np.float32 and (found >= 0).all()
    np.testing.assert_array_equal(found[1], mapper(images[1]).jacobian)
    assert jacobian_maps(model, images, [1]).shape == (3, 12, 16, 1)


def test_sixty_layers():
    deep = [layer for _ in range(30) for layer in (layers.Conv2D(2, 3, padding="same"), layers.Activation("relu"))]
    model = reseeded(lambda: body(*deep))
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([weight + 0.1 for weight in layer.get_weights()])
    image = image_of(4, 5)
    found = JacobianMapper(model)(image).jacobian
    assert np.isfinite(found).all() and found.any()
    np.testing.assert_allclose(found, chained(model, image), rtol=1e-3)


def test_half_precision_class_maps():
    model = reseeded(lambda: body(layers.Conv2D(4, 3, dtype="mixed_bfloat16"), layers.ReLU(dtype="mixed_bfloat16")))
    found = JacobianMapper(model)(image_of())
    assert all(each.dtype == np.float32 and np.isfinite(each).all() for each in found) and found.jacobian.any()


@pytest.mark.parametrize("classes", [[3], [-1], [], 1, [[0]]])
def test_classes_that_are_none(classes):
    with pytest.raises(ValueError, match="Expected indices of classes, 0 to 2"):
        JacobianMapper(small())(image_of(), classes)


def test_what_is_no_image_and_no_model():
    with pytest.raises(ValueError, match=r"Expected an image \(h, w, 2\). Received: shape \(12, 16, 3\)"):
        JacobianMapper(small())(image_of(channels=3))
    inputs = keras.Input((None, None, 1))
    with pytest.raises(ValueError, match="gives logits, pooled, probabilities"):
        JacobianMapper(keras.Model(inputs, layers.ReLU()(inputs)))
