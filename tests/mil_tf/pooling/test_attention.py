import keras
import numpy as np
import pytest

from mil_tf.pooling.attention import AttentionPooling
from mil_tf.pooling.gated_attention import GatedAttentionPooling

both = pytest.mark.parametrize("build", [AttentionPooling, GatedAttentionPooling])


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (*shape, 6)).astype(np.float32)


@both
def test_the_weights_come_out_and_make_the_bags_features(build):
    layer, x, mask = build(4, return_weights=True), features(3, 5), np.arange(5) < np.array([[5], [2], [0]])
    pooled, weights = layer(x, mask=mask)
    assert pooled.shape == (3, 6) and weights.shape == (3, 5)
    assert layer.compute_output_shape((3, 5, 6)) == ((3, 6), (3, 5))
    np.testing.assert_allclose(np.sum(weights, 1), [1, 1, 0], rtol=1e-6)
    assert not np.asarray(weights)[~mask].any() and (np.asarray(weights)[mask][:7] > 0).all()
    np.testing.assert_allclose(pooled, np.einsum("bn,bnc->bc", weights, x), rtol=1e-5, atol=1e-6)


@both
def test_the_weights_are_of_a_saved_model_too(build, tmp_path):
    x, mask = keras.Input((None, 6)), keras.Input((None,), dtype="bool")
    model = keras.Model([x, mask], build(4, True, True)(x, mask=mask))
    model.save(tmp_path / "model.keras")
    given = [features(2, 5), np.arange(5) < np.array([[5], [2]])]
    for ours, loaded in zip(model(given), keras.models.load_model(tmp_path / "model.keras")(given), strict=True):
        np.testing.assert_array_equal(ours, loaded)


def test_over_a_feature_map_it_is_what_convolutions_of_one_pixel_make():
    """The form of nemcek2021: V, U and w as 1x1 convolutions with bias, a softmax over all positions."""
    keras.utils.set_random_seed(0)
    maps = np.random.default_rng(0).normal(0, 1, (2, 5, 4, 36)).astype(np.float32)
    layer = GatedAttentionPooling(36, use_bias=True, return_weights=True, axis=(-3, -2))
    layer(maps)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.3, weight.shape) for weight in layer.get_weights()])

    def convolution(kernel, bias, activation=None):
        found = keras.layers.Conv2D(kernel.shape[-1], 1, activation=activation)
        found.build(maps.shape[:-1] + (kernel.shape[0],))
        found.set_weights([np.asarray(kernel)[None, None], np.asarray(bias)])
        return found

    hidden = convolution(layer.V, layer.V_bias, "tanh")(maps) * convolution(layer.U, layer.U_bias, "sigmoid")(maps)
    scores = np.asarray(convolution(layer.w, layer.w_bias)(hidden))[..., 0]
    powers = np.exp(scores - scores.max((1, 2), keepdims=True))
    expected = powers / powers.sum((1, 2), keepdims=True)
    pooled, weights = layer(maps)
    np.testing.assert_allclose(weights, expected, rtol=1e-4)
    np.testing.assert_allclose(pooled, np.einsum("bhw,bhwc->bc", expected, maps), rtol=1e-4, atol=1e-5)


@both
def test_a_bias_is_an_option_and_so_is_the_number_of_units(build):
    plain, biased = build(7), build(7, use_bias=True)
    gates = build is GatedAttentionPooling
    for layer, biases in ((plain, 0), (biased, 7 * (1 + gates) + 1)):
        layer(features(2, 3))
        assert layer.count_params() == 6 * 7 * (1 + gates) + 7 + biases


@both
def test_scores_of_any_size_have_a_softmax(build):
    layer = build(4, return_weights=True)
    x = features(1, 5)
    layer(x)
    layer.set_weights([1e4 * weight for weight in layer.get_weights()])
    _, weights = layer(x)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(np.sum(weights), 1, rtol=1e-6)


@both
@pytest.mark.parametrize("units", [0, -1, 2.0, "a", True, None])
def test_units_that_cannot_be_are_refused(build, units):
    with pytest.raises(ValueError, match="Expected `units` as a whole number of at least 1. Received: units="):
        build(units)
