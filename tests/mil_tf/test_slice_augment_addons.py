"""Every step against tensorflow-addons: on the `addons` install (TensorFlow 2.15), and skipped elsewhere."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.slice_augment import Draw, Steps, apply

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_addons") is None,
    reason="tensorflow-addons is not installed: it needs pip install -e '.[addons]' on Python 3.10 or 3.11",
)

FILL = -1024.0
SIZES = [(16, 16), (17, 17), (13, 20)]


@pytest.fixture
def addons():
    import tensorflow_addons

    return tensorflow_addons.image


def image(shape):
    return tf.constant(np.random.default_rng(0).normal(40, 20, (*shape, 1)), tf.float32)


def applied(plane, draw):
    size = tuple(plane.shape[:2])
    return np.asarray(apply(plane, Steps.of(draw, size, size, 2), size, tf.identity, FILL))


@pytest.mark.parametrize("shape", SIZES)
def test_rotation(addons, shape):
    expected = addons.rotate(image(shape), 0.4, "bilinear", "constant", fill_value=FILL)
    np.testing.assert_allclose(applied(image(shape), Draw(angle=0.4)), expected, rtol=1e-5, atol=5e-3)


@pytest.mark.parametrize("shape", SIZES)
def test_affine(addons, shape):
    draw = Draw(angle=-0.5, scale=1.07, shear=-0.04, mirror=-1.0, rows=0.02, columns=0.05)
    middle = (np.array(shape[::-1]) - 1) / 2
    turn = np.array([[np.cos(-0.5), -np.sin(-0.5)], [np.sin(-0.5), np.cos(-0.5)]])
    linear = 1.07 * turn @ [[-1, -0.04], [0, 1]]
    offset = middle - linear @ middle + np.multiply((0.05, 0.02), shape[::-1])
    numbers = [*linear[0], offset[0], *linear[1], offset[1], 0, 0]
    expected = addons.transform(image(shape), numbers, "bilinear", "constant", fill_value=FILL)
    np.testing.assert_allclose(applied(image(shape), draw), expected, rtol=1e-5, atol=5e-3)


@pytest.mark.parametrize("shape", SIZES)
def test_shear(addons, shape):
    """Theirs starts at the top row, ours at the middle one."""
    coloured = tf.concat([image(shape)] * 3, axis=-1)
    middle = 0.05 * (shape[0] - 1) / 2
    sheared = addons.transform(coloured, [1, 0.05, -middle, 0, 1, 0, 0, 0], "bilinear", "constant", fill_value=FILL)
    np.testing.assert_allclose(applied(image(shape), Draw(shear=0.05))[..., 0], sheared[..., 0], rtol=1e-5, atol=5e-3)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("shape", SIZES)
def test_blur(addons, shape, sigma):
    expected = addons.gaussian_filter2d(image(shape), (5, 5), sigma, "SYMMETRIC")
    np.testing.assert_allclose(applied(image(shape), Draw(sigma=sigma)), expected, rtol=1e-5, atol=1e-4)
