import keras
import numpy as np

from mil_tf.models.released import released


def test_it_has_the_parameters_of_the_released_code():
    assert released().count_params() == 1_320_834


def test_it_has_16_units_and_no_normalisation():
    layers = released().layers
    assert sum(isinstance(layer, keras.layers.Add) for layer in layers) == 16
    assert sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in layers) == 16
    assert not any("Normalization" in type(layer).__name__ for layer in layers)


def test_without_a_scaling_it_takes_hu_as_they_are():
    keras.utils.set_random_seed(0)
    layer = released().get_layer("stem_conv")
    assert layer.input.name.split(":")[0] == "slices" and layer.strides == (2, 2)


def test_a_unit_adds_its_first_convolution_to_its_second():
    keras.utils.set_random_seed(0)
    model = released(("window", 40, 80))
    name = "stage2_unit1"
    wanted = [model.get_layer(f"{name}_{part}").output for part in ("conv1", "conv2", "add", "act")]
    images = np.random.default_rng(0).normal(40, 30, (1, 64, 64, 1))
    first, second, added, active = keras.Model(model.input, wanted)(images)
    assert np.min(first) == 0  # it is a ReLU's answer that is passed on
    np.testing.assert_allclose(added, np.asarray(first) + np.asarray(second), rtol=1e-6)
    np.testing.assert_allclose(active, np.maximum(added, 0))
