import keras
import numpy as np
import pytest
from scipy.special import expit

from mil_tf.models.channels import HuChannels
from mil_tf.models.position_mil import network
from mil_tf.models.position_scorer import Shrunk, position_models


@pytest.fixture(scope="module")
def models():
    keras.utils.set_random_seed(0)
    return position_models(network("paper", "max"), (30 + 1024, 2000, 2000), (100, 1000, 1000))


@pytest.fixture(scope="module")
def slices():
    return np.random.default_rng(0).normal(30, 20, (3, 16, 20, 1)).astype(np.float32)


def test_all_see_one_network(models, slices):
    channels = HuChannels((30 + 1024, 2000, 2000), (100, 1000, 1000))(slices)
    inner = models.network(channels)
    np.testing.assert_allclose(models.input(slices), channels, rtol=1e-6)
    expected = expit(inner["logit"].numpy()[:, 0].astype(np.float64))
    found = models.mapper(slices)
    for probabilities in (models.learner(channels), models.scorer(slices), found["probabilities"]):
        np.testing.assert_allclose(np.asarray(probabilities)[:, 1], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["map"], inner["map"], rtol=1e-5)
    assert len(models.scorer.weights) == len(models.network.weights)


def test_softly_all_positions_answer(models, slices):
    channels = models.input(slices)
    logits = models.network(channels)["map"].numpy().astype(np.float64)
    expected = expit(np.log(np.exp(logits).mean(axis=(1, 2)))[:, 0])
    np.testing.assert_allclose(np.asarray(models.soft(channels))[:, 1], expected, rtol=1e-4, atol=1e-6)
    assert [id(w) for w in models.soft.trainable_variables] == [id(w) for w in models.learner.trainable_variables]


def test_the_learner_has_logits_of_two_classes(models):
    assert models.learner.get_layer("logits").output.shape[-1] == 2


def test_shrunk_takes_nearest_pixels_of_larger_slices_alone():
    image = np.arange(64.0).reshape(1, 8, 8, 1)
    np.testing.assert_array_equal(Shrunk(4)(image)[0, ..., 0], image[0, ::2, ::2, 0])
    np.testing.assert_array_equal(Shrunk(5)(image), image)
    np.testing.assert_array_equal(Shrunk(9)(image), image)
    with pytest.raises(ValueError, match="at least 1"):
        Shrunk(0)


def test_a_shrunk_slice_is_seen_like_a_small_one(slices):
    net = network("released", "max")
    large = np.repeat(np.repeat(slices[:, :16, :16], 2, 1), 2, 2)
    small, seen = position_models(net), position_models(net, seen=16)
    np.testing.assert_allclose(seen.scorer(large), small.scorer(slices[:, :16, :16]), rtol=1e-6)
