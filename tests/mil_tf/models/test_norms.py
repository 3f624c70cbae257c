import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.head import logits_model
from mil_tf.models.norms import normalisation
from mil_tf.models.resnet import resnet


def build(dtype):
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(dtype)
    try:
        return resnet(10, 16, "group", False, scaling=("window", 40, 80), stem="small")
    finally:
        keras.mixed_precision.set_global_policy(before)


def gradient(model, images):
    with tf.GradientTape() as tape:
        losses = tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0]], tf.cast(logits_model(model)(images), tf.float64))
        total = tf.reduce_mean(losses)
    return [np.asarray(one, np.float64) for one in tape.gradient(total, model.trainable_variables)]


def test_the_gradient_of_group_norm_is_the_same_in_float32_and_float64():
    keras.utils.set_random_seed(0)
    single, double = build("float32"), build("float64")
    double.set_weights([w.astype(np.float64) for w in single.get_weights()])
    images = np.full((3, 24, 24, 1), -1024, np.float32)  # null padding: constant, where the variance is 0
    images[:, 8:16, 8:16] = np.random.default_rng(0).normal(40, 10, (3, 8, 8, 1))
    whole = np.sqrt(sum((part**2).sum() for part in gradient(double, images)))
    for ours, exact in zip(gradient(single, images), gradient(double, images)):
        assert np.linalg.norm(ours - exact) < 1e-4 * whole


@pytest.mark.parametrize("channels, groups", [(4, 1), (16, 2), (64, 8)])
def test_a_group_holds_eight_channels_or_all(channels, groups):
    assert normalisation("group", channels, "a").groups == groups


def test_names():
    assert normalisation("none", 8, "a") is None
    assert isinstance(normalisation("batch", 8, "a"), keras.layers.BatchNormalization)
    with pytest.raises(ValueError, match="Expected `norm` to be one of .*Received: norm='layer'"):
        normalisation("layer", 8, "a")
