import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.data import MemorySource
from mil_tf.models.resnet import resnet
from mil_tf.selection import alpha_beta, top_instance
from mil_tf.training.choosers import ByScore
from mil_tf.training.one_pass import OnePass, Sampled
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import ExactSearch
from mil_tf.training.select_then_batch import SelectThenBatch
from tfrecords import Bag

SIDE, COUNT = 16, 12


def loss(targets, logits):
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


@pytest.fixture
def source():
    rng = np.random.default_rng(0)
    bags = [
        Bag(f"slide-{i}", f"case-{i}", [label], rng.integers(0, 255, (n, SIDE, SIDE, 3), np.uint8), np.arange(n))
        for i, (label, n) in enumerate(((1, COUNT), (0, COUNT), (1, 5)))
    ]
    return MemorySource(bags)


def network(norm):
    keras.utils.set_random_seed(1)
    return resnet(10, 4, norm, False, scaling=("standard", [128.0] * 3, [70.0] * 3), channels=3, stem="light")


def whole(total, position, epoch):
    return np.arange(total)


whole.count = COUNT


def signal(model, alpha=0.25, beta=0.5, draw=whole, **kwargs):
    return OnePass(model, draw, functools.partial(alpha_beta, alpha=alpha, beta=beta), loss, **kwargs)


def literal(model, source, position, alpha, beta):
    """(loss, gradients) of the paper's text: one tape over the batch, a proxy vector, a mask."""
    images = tf.cast(source.take(position, np.arange(source.counts[position])), tf.float32)
    label, n = source.labels[position, 0], len(images)
    logits_of = keras.Model(model.input, model.get_layer("logits").output)
    with tf.GradientTape() as tape:
        logits = logits_of(images, training=True)
        order = np.argsort(-tf.nn.softmax(logits).numpy()[:, 1])
        proxy, mask = np.zeros(n), np.ones(n)
        if label:
            mask[order[round(n * alpha) : n - round(n * beta)]], proxy[order[: round(n * alpha)]] = 0, 1
        losses = keras.losses.binary_crossentropy(proxy[:, None], tf.nn.softmax(logits)[:, 1:])
        found = tf.reduce_sum(losses * mask) / mask.sum()
    return float(found), tape.gradient(found, model.trainable_variables)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("position", [0, 1])
def test_it_is_the_papers_text(source, norm, position):
    model = network(norm)
    expected, gradients = literal(model, source, position, 0.25, 0.5)
    model = network(norm)
    found = signal(model)(source, [position], 0)
    assert found.losses == pytest.approx([expected], rel=1e-4)
    for one, other in zip(found.gradients, gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


def test_a_window_of_slides_takes_the_mean(source):
    model = network("none")
    learn = signal(model)
    one, other, both = (learn(source, window, 0) for window in ([0], [1], [0, 1]))
    np.testing.assert_allclose(both.losses, [one.losses[0], other.losses[0]], rtol=1e-6)
    for a, b, mean in zip(one.gradients, other.gradients, both.gradients):
        np.testing.assert_allclose((a + b) / 2, mean, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("size", [1, 5, 12, 100])
def test_portions_change_nothing_without_batch_norm(source, size):
    model = network("none")
    expected, found = (signal(model, **kwargs)(source, [0, 1], 3) for kwargs in ({}, {"in_memory": size}))
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5)
    for one, other in zip(found.gradients, expected.gradients):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


def moving(model):
    return [v.numpy() for v in model.non_trainable_variables]


def test_the_averages_of_batch_norm_move_once_however_it_is_portioned(source):
    of_one, of_two = network("batch"), network("batch")
    before = moving(of_one)
    images = tf.cast(source.take(0, np.arange(COUNT)), tf.float32)
    for part in (images[:6], images[6:]):
        of_one(part, training=True)
    signal(of_two, in_memory=6)(source, [0], 0)
    assert any((one != other).any() for one, other in zip(before, moving(of_two)))
    for one, other in zip(moving(of_one), moving(of_two)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_likeliest_part_of_one_is_what_top_instance_learns_from(source):
    """alpha = 1 / n, beta = 0 on a positive bag; on a negative one alpha_beta learns from all tiles."""
    model = network("none")
    exact = ExactSearch(Scorer(model))
    expected = SelectThenBatch(model, ByScore(exact, top_instance), loss)
    found = signal(model, 1 / COUNT, 0.0)
    for window, same in (([0], True), ([1], False)):
        ours, theirs = found(source, window, 0), expected(source, window, 0)
        assert np.allclose(ours.losses, theirs.losses, rtol=1e-5) == same
        assert same == all(
            np.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(ours.gradients, theirs.gradients, strict=True)
        )


def test_what_runs_out_of_memory_goes_on_in_smaller_portions(source, capsys):
    model = network("batch")
    expected = signal(network("batch"), in_memory=6)(source, [0], 0)
    learn = signal(model)
    graphs = learn._graphs_of((None, SIDE, SIDE, 3))

    def full(*args):
        model.non_trainable_variables[0].assign_add(tf.ones_like(model.non_trainable_variables[0]))
        raise tf.errors.ResourceExhaustedError(None, None, "full")

    learn._graphs[(SIDE, SIDE, 3)] = (full, *graphs[1:])
    found = learn(source, [0], 0)
    assert "going on with patches_in_memory=6" in capsys.readouterr().err
    np.testing.assert_array_equal(found.losses, expected.losses)
    for one, other in zip(found.gradients, expected.gradients):
        np.testing.assert_array_equal(one, other)


def test_a_sample_has_its_size_whatever_the_slide_has():
    draw = Sampled(8, 3)
    assert sorted(draw(8, 0, 0).tolist()) == list(range(8))
    assert len(set(draw(100, 0, 0).tolist())) == 8
    few = draw(5, 0, 0)
    assert len(few) == 8 and set(few.tolist()) == set(range(5))
    assert draw(1, 0, 0).tolist() == [0] * 8


def test_a_sample_is_a_function_of_seed_epoch_and_slide():
    found = {(seed, position, epoch): tuple(Sampled(8, seed)(100, position, epoch))
             for seed in (0, 1) for position in (0, 1) for epoch in (0, 1)}
    assert len(set(found.values())) == 8
    assert found[0, 1, 1] == tuple(Sampled(8, 0)(100, 1, 1))


def test_a_scaled_loss_has_the_same_gradient(source):
    model = network("none")
    one, other = (signal(model, loss_scale=scale)(source, [0], 0) for scale in (1.0, 1024.0))
    for a, b in zip(one.gradients, other.gradients):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)


def test_less_than_no_patch_in_memory_is_refused():
    with pytest.raises(ValueError, match="Expected `patches_in_memory` of at least 0. Received: -1"):
        signal(network("none"), in_memory=-1)
