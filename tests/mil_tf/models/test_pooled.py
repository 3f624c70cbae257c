import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.convnet import convnet, encoder
from mil_tf.models.pooled import EachInstance, pooled
from mil_tf.pooling.names import POOLINGS
from mil_tf.registry import UnknownNameError

EXTRA = {"attention": "attention(units=4)", "gated_attention": "gated_attention(units=4)"}
many = pytest.mark.parametrize("name", POOLINGS)
COUNTS = np.array([4, 1, 2])


def network(name, over=None, features=5):
    keras.utils.set_random_seed(0)
    return pooled(encoder(("window", 0, 4), features=features), EXTRA.get(name, name), over)


def batch(size=28, length=4):
    images = np.random.default_rng(0).normal(0, 1, (3, length, size, size, 1)).astype(np.float32)
    return images, np.arange(length) < COUNTS[:, None]


def answers(model, *given):
    return {name: value.numpy() for name, value in model([*given], training=False).items()}


@many
def test_a_bag_does_not_see_its_padding_nor_other_bags(name):
    model, (images, mask) = network(name), batch()
    found = answers(model, images, mask)
    assert found["probability"].shape == (3,) and found["instances"].shape == (3, 4)
    assert ("weights" in found) == (name in EXTRA)
    images[~mask] = np.nan
    for place, count in enumerate(COUNTS):
        alone = answers(model, images[place : place + 1, :count], mask[place : place + 1, :count])
        np.testing.assert_allclose(alone["probability"][0], found["probability"][place], rtol=1e-5)
        for key in set(found) - {"probability"}:
            np.testing.assert_allclose(alone[key][0], found[key][place, :count], rtol=1e-5)


@pytest.mark.parametrize("name, over", [*((name, None) for name in POOLINGS), ("max", "features"), ("mean", "features")])
def test_an_instance_has_the_probability_of_a_bag_of_it_alone(name, over):
    model, (images, _) = network(name, over), batch()
    bags = images.reshape(12, 1, 28, 28, 1)
    found = answers(model, bags, np.ones((12, 1), bool))
    own = found["instances"][:, 0]
    expected = np.asarray(POOLINGS[name]()(own[:, None, None]))[:, 0] if name == "noisy_and" else own
    np.testing.assert_allclose(found["probability"], expected, rtol=1e-5)
    assert len(np.unique(own)) == 12


def test_features_can_be_pooled_by_what_is_made_for_probabilities():
    model, (images, mask) = network("max", "features"), batch()
    found = answers(model, images, mask)
    last = model.get_layer("own_probability")
    features = model.get_layer("features").layer(images[0], training=False).numpy()
    np.testing.assert_allclose(found["probability"][0], last(features.max(0)[None]).numpy()[0, 0], rtol=1e-5)


@many
def test_a_saved_model_comes_back(name, tmp_path):
    model, given = network(name), batch()
    model.save(tmp_path / "model.keras")
    loaded = answers(keras.models.load_model(tmp_path / "model.keras"), *given)
    for key, value in answers(model, *given).items():
        np.testing.assert_array_equal(loaded[key], value)


def test_a_graph_computes_what_eager_does_for_any_length():
    model = network("attention")
    graph = tf.function(lambda x, m: model([x, m])["probability"], input_signature=[
        tf.TensorSpec([None, None, 28, 28, 1]), tf.TensorSpec([None, None], tf.bool),
    ])
    for length in (4, 6):
        images, mask = batch(length=length)
        np.testing.assert_allclose(graph(images, mask), answers(model, images, mask)["probability"], rtol=1e-5)


def test_padding_enters_no_batch_statistics():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.BatchNormalization(momentum=0.5)]
    x = np.random.default_rng(0).normal(2, 1, (3, 4, 3)).astype(np.float32)
    mask = np.arange(4) < COUNTS[:, None]
    layer = EachInstance(keras.Sequential(layers))
    found = layer(np.where(mask[..., None], x, 100), mask=mask, training=True).numpy()
    assert not found[~mask].any()
    np.testing.assert_allclose(found[mask].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(layer.layer.layers[-1].moving_mean, x[mask].mean(0) / 2, rtol=1e-5)


def test_without_a_mask_all_instances_are_encoded():
    layer, (images, _) = EachInstance(encoder(features=5)), batch()
    found = layer(images).numpy()
    assert found.shape == (3, 4, 5) == tuple(layer.compute_output_shape(images.shape))
    np.testing.assert_allclose(found[0, 1], layer.layer(images[0, 1:2])[0], rtol=1e-5)


def test_the_encoder_is_the_convnet_up_to_its_features():
    model, whole = encoder(("window", 0, 4), features=128), convnet(("window", 0, 4))
    model.set_weights(whole.get_weights()[:-2])
    images = batch(30)[0][0]
    kernel, bias = whole.get_weights()[-2:]
    expected = np.asarray(tf.nn.softmax(np.asarray(model(images)) @ kernel + bias))
    np.testing.assert_allclose(whole(images), expected, rtol=1e-4)


def test_the_encoder_of_ilse_has_their_parameters():
    """Two convolutions of 20 and 50 filters of 5x5, then 500 units over the 4x4x50 that are left of 28x28."""
    own = 20 * 25 + 20 + 50 * 20 * 25 + 50 + 500 * 4 * 4 * 50 + 500
    assert encoder().count_params() == own
    assert pooled(encoder(), "attention").count_params() == own + 500 * 128 + 128 + 500 + 1
    assert pooled(encoder(), "gated_attention").count_params() == own + 2 * 500 * 128 + 128 + 500 + 1


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match=r"Expected `over` to be one of .*Received: over='instances'"):
        network("max", "instances")
    with pytest.raises(ValueError, match=r"features for an attention. Received: over='probabilities'"):
        network("attention", "probabilities")
    with pytest.raises(UnknownNameError, match="Expected the name of a pooling"):
        network("median")
