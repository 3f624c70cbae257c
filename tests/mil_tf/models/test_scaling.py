import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.scaling import HuRamps, HuWindow, scaling_layer


def test_a_window_maps_its_ends_to_one_and_clips_the_rest():
    found = HuWindow(40, 80)(tf.constant([[-1024.0, 0.0, 20.0, 40.0, 80.0, 3000.0]]))
    np.testing.assert_allclose(found, [[-1, -1, -0.5, 0, 1, 1]], atol=1e-6)


def test_ramps_rise_one_after_the_other():
    images = tf.constant([-1000.0, 25.0, 50.0, 75.0, 4000.0])[:, None, None, None]
    found = HuRamps((0, 50, 100))(images)
    assert found.shape == (5, 1, 1, 2)
    np.testing.assert_allclose(found[:, 0, 0], [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1]], atol=1e-6)


def test_ramps_of_several_channels_stay_apart():
    images = np.stack([np.full((1, 2, 2), 25.0), np.full((1, 2, 2), 75.0)], axis=-1).astype(np.float32)
    layer = HuRamps((0, 50, 100))
    assert layer.compute_output_shape(images.shape) == layer(images).shape == (1, 2, 2, 4)
    np.testing.assert_allclose(layer(images)[0, 0, 0], [0, -1, 1, 0], atol=1e-6)


@pytest.mark.parametrize("layer", [HuWindow(40.0, 80.0, name="a"), HuRamps((0, 50, 100), name="b")])
def test_the_config_is_complete(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and again.name == layer.name
    assert keras.saving.get_registered_object(f"mil_tf>{type(layer).__name__}") is type(layer)


@pytest.mark.parametrize("layer", [HuWindow(40.0, 80.0), HuRamps((0, 50, 100))])
def test_a_value_that_is_none_is_not_hidden(layer):
    assert np.isnan(layer(tf.constant(np.nan, shape=(1, 1, 1, 1)))).any()


def test_what_is_no_scaling_is_refused():
    with pytest.raises(ValueError, match="Expected `width` above 0 HU. Received: width=0"):
        HuWindow(40, 0)
    for points in ((0,), (0, 50, 50), (10, 0)):
        with pytest.raises(ValueError, match="at least two rising `points` in HU"):
            HuRamps(points)
    with pytest.raises(ValueError, match="Expected `scaling` to be .*Received: .*'log'"):
        scaling_layer(("log", 1))
    assert scaling_layer(None)("as it is") == "as it is"
