import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf import registry
from mil_tf.registry import UnknownNameError

ADDONS = importlib.util.find_spec("tensorflow_addons") is not None

TARGETS = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
LOGITS = np.array([[2, -1], [0.5, 0.3], [-30, 40]], np.float32)


def test_optimizer_has_its_rate_and_options():
    made = registry.optimizer("Adam(beta_1=0.8)", 0.5, epsilon=1e-8)
    assert isinstance(made, keras.optimizers.Adam)
    assert float(made.learning_rate.numpy()) == 0.5
    assert (made.beta_1, made.epsilon) == (0.8, 1e-8)


def test_options_in_the_name_win():
    assert registry.optimizer("Adam(epsilon=0.25)", 0.5, epsilon=1e-8).epsilon == 0.25


def test_slots_are_there_before_the_first_step():
    variable = tf.Variable([1.0, 2.0])
    made = registry.optimizer("Adam", 1e-3)
    registry.create_slots(made, [variable])
    shapes = [tuple(slot.shape) for slot in made.variables]
    assert shapes.count((2,)) == 2  # both moments


def test_cross_entropy_is_taken_on_logits():
    found = registry.loss("CategoricalCrossentropy")(TARGETS, LOGITS).numpy()
    top = LOGITS.max(1, keepdims=True)
    expected = np.log(np.exp(LOGITS - top).sum(1)) + top[:, 0] - (TARGETS * LOGITS).sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_sigmoid_loss_is_that_of_the_networks_own_probability():
    """With two outputs, binary and categorical cross-entropy are the same, and so are their gradients."""
    logits = tf.Variable(LOGITS)
    values, gradients = [], []
    for name in ("BinaryCrossentropy", "CategoricalCrossentropy"):
        with tf.GradientTape() as tape:
            value = registry.loss(name)(TARGETS, logits)
        values.append(value.numpy())
        gradients.append(tape.gradient(value, logits).numpy())
    np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6)


def test_loss_without_logits_is_fed_probabilities():
    found = registry.loss("MeanSquaredError")(TARGETS, LOGITS).numpy()
    positive = 1 / (1 + np.exp(LOGITS[:, 0] - LOGITS[:, 1]))
    np.testing.assert_allclose(found, (positive - TARGETS[:, 1]) ** 2, rtol=1e-5, atol=1e-9)


def test_options_of_a_loss():
    plain, smooth = (registry.loss(f"CategoricalCrossentropy{options}")(TARGETS, LOGITS).numpy()
                     for options in ("", "(label_smoothing=0.5)"))
    assert (smooth[2], plain[2]) == pytest.approx((0.25 * 70, 0.0), abs=1e-4)


def test_layer_leaves_out_the_defaults_that_it_does_not_know():
    assert registry.layer("GroupNormalization", {"groups": 2}, name="norm").groups == 2
    assert registry.layer("GroupNormalization(groups=4)", {"groups": 2}).groups == 4
    assert registry.layer("LayerNormalization", {"groups": 2}, name="norm").name == "norm"


def test_activation_with_an_option():
    slope = "negative_slope" if keras.__version__ >= "3" else "alpha"
    found = registry.activation(f"relu({slope}=0.5)")
    np.testing.assert_allclose(np.asarray(found(tf.constant([-2.0, 2.0]))), [-1, 2])


def test_any_registered_object_can_be_named():
    @keras.saving.register_keras_serializable(package="TestRegistry")
    class Halved(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    assert isinstance(registry.layer("TestRegistry>Halved", name="half"), Halved)


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        ("optimizer", "adam", "such as 'Adam'. Received: 'adam'; did you mean 'Adam'?"),
        ("optimizer", "Nobody>Knows", "Received: 'Nobody>Knows'"),
        ("optimizer", "Adam(0.9)", "Expected the optimizer as Name, Package>Name or Name(option=value, ...)"),
        ("optimizer", "Adam(", "Received: 'Adam('"),
        ("optimizer", "Adam(beta_7=1)", "'Adam(beta_7=1)' cannot be made with"),
        ("optimizer", "Dense", "Expected the name of a Keras optimizer"),
        ("loss", "TripletHard", "Expected the name of a Keras loss"),
        ("loss", "SparseCategoricalCrossentropy", "cannot compare two classes"),
        ("layer", "relu", "Expected the name of a Keras layer"),
        ("activation", "Relu", "did you mean 'relu'?"),
        ("activation", "deserialize", "Expected the name of a Keras activation"),
    ],
)
def test_message_for_what_cannot_be(make, name, message):
    more = (1e-3,) if make == "optimizer" else ()
    with pytest.raises(UnknownNameError) as caught:
        getattr(registry, make)(name, *more)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(ADDONS, reason="tensorflow-addons is installed")
@pytest.mark.parametrize(
    ("make", "name"),
    [("optimizer", "Addons>LAMB"), ("loss", "Addons>SigmoidFocalCrossEntropy"),
     ("layer", "Addons>GroupNormalization"), ("activation", "Addons>mish")],
)
def test_addons_elsewhere_give_the_extra_to_install_and_why(make, name):
    more = (1e-3,) if make == "optimizer" else ()
    with pytest.raises(UnknownNameError) as caught:
        getattr(registry, make)(name, *more)
    message = str(caught.value)
    assert name in message and "pip install -e '.[addons]'" in message
    assert "only works with TensorFlow 2.15" in message and tf.__version__ in message
    assert "\n" not in message
