import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.augment import augmentation
from mil_tf.data import MemorySource
from mil_tf.models.convnet import encoder
from mil_tf.models.pooled import pooled
from mil_tf.training.pooled_bags import PooledBags, PooledScorer, padded, portions

COUNTS = (3, 1, 5, 2, 4)


@pytest.fixture
def source(make_bag):
    return MemorySource([make_bag(f"bag{i}", n, 28, label=i % 2, seed=i) for i, n in enumerate(COUNTS)])


def network(pooling="gated_attention(units=4)"):
    keras.utils.set_random_seed(0)
    return pooled(encoder(("window", 30, 400), features=6), pooling)


def literal(model, source, window, decay):
    """A tape a bag, one after the other, each unpadded; the mean of their gradients, and the decay."""
    losses, gradients = [], []
    for position in window:
        images = source.take(position, range(source.counts[position])).astype(np.float32)[None]
        label = float(source.labels[position, 0])
        with tf.GradientTape() as tape:
            p = model([images, np.ones(images.shape[:2], bool)])["probability"][0]
            loss = -tf.math.log(p if label else 1 - p)
        losses.append(float(loss))
        gradients.append([np.asarray(one) for one in tape.gradient(loss, model.trainable_variables)])
    means = [np.mean(parts, 0) for parts in zip(*gradients)]
    return losses, [mean + decay * np.asarray(v) for mean, v in zip(means, model.trainable_variables)]


@pytest.mark.parametrize("pooling", ["gated_attention(units=4)", "noisy_or", "noisy_and"])
@pytest.mark.parametrize("micro_batch", [0, 1, 9])
def test_the_gradient_is_the_mean_over_bags_however_they_are_portioned(source, pooling, micro_batch):
    model, window = network(pooling), np.array([4, 1, 0, 2])
    found = PooledBags(model, 0.01, micro_batch)(source, window, 0)
    losses, gradients = literal(model, source, window, 0.01)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-4)
    for ours, theirs in zip(found.gradients, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * np.abs(theirs).max())


def test_it_learns_the_bags_it_is_shown(source):
    model = network()
    signal, optimizer = PooledBags(model), keras.optimizers.Adam(1e-2)
    losses = []
    for epoch in range(40):
        result = signal(source, np.arange(5), epoch)
        optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))
        losses.append(result.losses.mean())
    assert losses[-1] < 0.1 < losses[0]
    found = [one["probability"] > 0.5 for one in PooledScorer(model)(source, range(5))]
    assert found == list(source.labels[:, 0] == 1)


@pytest.mark.parametrize("pooling, keys", [("max", {"instances"}), ("attention(units=4)", {"instances", "weights"})])
def test_scores_have_the_length_of_their_bag_however_they_are_portioned(source, pooling, keys):
    model = network(pooling)
    whole, parts = PooledScorer(model)(source, [2, 0, 4]), PooledScorer(model, 1)(source, [2, 0, 4])
    for ours, theirs, count in zip(whole, parts, (5, 3, 4), strict=True):
        assert set(ours) == {"probability", *keys}
        np.testing.assert_allclose(ours["probability"], theirs["probability"], rtol=1e-5)
        for key in keys:
            assert ours[key].shape == (count,)
            np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-5)
    assert PooledScorer(model)(source, []) == []


def test_padding_is_false_and_zero(source):
    images, mask = padded(source, [2, 1])
    assert images.shape == (2, 5, 28, 28, 1) and images.dtype == np.float32
    np.testing.assert_array_equal(mask, [[True] * 5, [True] + [False] * 4])
    np.testing.assert_array_equal(images[mask][5], source.take(1, [0])[0])
    assert not images[~mask].any()


def test_a_portion_holds_whole_bags_and_never_none(source):
    window = np.array([3, 2, 1, 0, 4])
    for size, lengths in ((1, [1] * 5), (10, [2, 2, 1]), (1000, [5])):
        parts = portions(source, window, size)
        assert [len(part) for part in parts] == lengths
        np.testing.assert_array_equal(np.concatenate(parts), window)


def test_an_augmentation_depends_on_seed_epoch_and_place_alone(source):
    model, window = network(), np.array([2, 0])
    losses = [
        PooledBags(model, augment=augmentation("digits", seed, 0.0), micro_batch=size)(source, window, epoch).losses
        for seed, epoch, size in ((1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0))
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert not np.allclose(losses[0], losses[2], rtol=1e-3) and not np.allclose(losses[0], losses[3], rtol=1e-3)
    assert not np.allclose(losses[0], PooledBags(model)(source, window, 0).losses, rtol=1e-3)


@pytest.mark.parametrize("name", ["decay", "micro_batch"])
def test_what_cannot_be_is_refused(name):
    with pytest.raises(ValueError, match=f"Expected `{name}` of 0 or above. Received: {name}=-1"):
        PooledBags(network(), **{name: -1})
