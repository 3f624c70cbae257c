import keras
import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.models.resnet import resnet
from mil_tf.training.mixed_norm import PORTION, MixedNorm, evenly, mixture
from tfrecords import Bag

SIDE = 16


def network(norm="batch"):
    keras.utils.set_random_seed(1)
    return resnet(10, 4, norm, False, channels=3, stem="light")


def tiles(count, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (count, SIDE, SIDE, 3)).astype(np.float32)


def averages(model):
    return [v.numpy() for v in model.non_trainable_variables]


def test_the_averages_are_the_statistics_of_the_mixture():
    model, given = network(), tiles(20)
    MixedNorm(model, lambda: given)(0)
    stem = keras.Model(model.input, model.get_layer("stem_norm").input)(given)
    first = model.get_layer("stem_norm")
    np.testing.assert_allclose(first.moving_mean, np.mean(stem, axis=(0, 1, 2)), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(first.moving_variance, np.var(stem, axis=(0, 1, 2)), rtol=1e-3)


def test_portions_count_equally():
    model, given = network(), tiles(2 * PORTION)
    MixedNorm(model, lambda: given)(0)
    halves = []
    for part in (given[:PORTION], given[PORTION:]):
        other = network()
        MixedNorm(other, lambda part=part: part)(0)
        halves.append(averages(other))
    for found, one, two in zip(averages(model), *halves):
        np.testing.assert_allclose(found, (one + two) / 2, rtol=1e-4, atol=1e-4)


def test_inference_then_is_what_training_mode_gives_of_the_mixture():
    model, given = network(), tiles(20)
    expected = network()(given, training=True).numpy()
    MixedNorm(model, lambda: given)(0)
    np.testing.assert_allclose(model(given, training=False), expected, atol=0.02)  # averages of N - 1, Keras 2.15


def test_an_epoch_sets_them_once_and_a_checkpoint_remembers_which():
    model, asked = network(), []
    norm = MixedNorm(model, lambda: asked.append(1) or tiles(4, len(asked)))
    momentum = [layer.momentum for layer in norm._layers]
    for epoch in (0, 0, 1, 1, 2):
        norm(epoch)
    assert len(asked) == 3 and int(norm.done) == 2
    assert [layer.momentum for layer in norm._layers] == momentum
    resumed = MixedNorm(model, lambda: pytest.fail("they are there already"))
    resumed.done.assign(2)
    resumed(2)


def test_a_network_without_them_is_left_alone():
    MixedNorm(network("none"), lambda: pytest.fail("no tile is needed"))(0)


def test_a_mixture_takes_of_every_bag_its_share():
    bags = [Bag(f"slide-{i}", "case", [0], np.full((n, 2, 2, 3), i, np.uint8), np.arange(n))
            for i, n in enumerate((40, 10, 30))]
    found = mixture(MemorySource(bags), 40, np.random.default_rng(0))[:, 0, 0, 0]
    counts = np.bincount(found)
    assert len(found) == 40 and np.abs(counts - [20, 5, 15]).max() <= 1
    assert (np.diff(found.astype(int)) < 0).sum() > 5  # not in the order of the slides
    assert len(mixture(MemorySource(bags), 1000, np.random.default_rng(0))) == 80


def test_evenly_names_each_instance_once():
    found = evenly(np.array([3, 1, 5]), 100)
    assert [(bag, indices.tolist()) for bag, indices in found] == [(0, [0, 1, 2]), (1, [0]), (2, [0, 1, 2, 3, 4])]
