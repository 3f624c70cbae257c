import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf import registry
from mil_tf.augment import augmentation
from mil_tf.data import MemorySource
from mil_tf.models.convnet import convnet
from mil_tf.models.head import logits_model
from mil_tf.models.resnet import resnet
from mil_tf.selection import Selection, top_instance
from mil_tf.training.choosers import AtRandom, ByScore
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import ExactSearch
from mil_tf.training.select_then_batch import SelectThenBatch

WINDOW = ("window", 40.0, 160.0)
LOSS = registry.loss("CategoricalCrossentropy")


def small(norm="none", **more):
    keras.utils.set_random_seed(0)
    return resnet(10, 4, norm, zero_residual=False, scaling=WINDOW, stem="small", **more)


def source(make_bag, counts, size):
    """Ragged bags whose slices differ in brightness, so that the top slice of each is a clear one."""
    bags = [make_bag(f"bag{i}", n, size, label=i % 2, seed=i) for i, n in enumerate(counts)]
    for bag in bags:
        rise = np.random.default_rng(bag.n).permutation(bag.n) * 8
        bag.instances += rise[:, None, None, None].astype(np.float16)
    return MemorySource(bags)


def literal(model, source, window):
    """The paper's loop: a tape a bag over all its slices, the running mean of the top slice's gradient."""

    @tf.function(input_signature=[tf.TensorSpec([None, *source.instance_shape]), tf.TensorSpec([], tf.int64)])
    def one(images, label):
        with tf.GradientTape() as tape:
            probabilities = model(images, training=False)
            loss = -tf.math.log(probabilities[tf.argmax(probabilities[:, 1]), label])
        return loss, tape.gradient(loss, model.trainable_variables)

    losses, mean = [], [np.zeros(v.shape, np.float64) for v in model.trainable_variables]
    for count, position in enumerate(window, 1):
        images = source.take(position, range(source.counts[position])).astype(np.float32)
        loss, gradient = one(images, source.labels[position, 0])
        losses.append(float(loss))
        mean = [total + (np.asarray(part) - total) / count for total, part in zip(mean, gradient)]
    return np.array(losses), mean


def top(model, chunk=0):
    return ByScore(ExactSearch(Scorer(model, chunk)), top_instance)


def assert_same_gradients(found, expected, tolerance=1e-5):
    for ours, theirs in zip(found, expected, strict=True):
        assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs)


@pytest.mark.parametrize(
    "build, size, bags, chunk, micro", [
        (small, 12, 1, 4, 1), (small, 12, 3, 4, 2), (small, 12, 128, 7, 5), (lambda: convnet(WINDOW), 28, 3, 5, 2),
    ],
)
def test_the_gradient_is_the_literal_loops(make_bag, build, size, bags, chunk, micro):
    keras.utils.set_random_seed(1)
    model, counts = build(), np.random.default_rng(bags).integers(1, 12, bags + 2)
    data = source(make_bag, counts, size)
    window = np.random.default_rng(0).permutation(bags + 2)[:bags]  # not the source's order, and not all of it
    assert bags == 1 or (bags % micro and counts[window].sum() % chunk)
    losses, gradients = literal(model, data, window)
    found = SelectThenBatch(model, top(model, chunk), LOSS, micro)(data, window, 0)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)
    assert_same_gradients(found.gradients, gradients)


def test_portions_do_not_change_the_result(make_bag):
    model, data = small(), source(make_bag, [4, 1, 7, 3, 5], 12)
    augment = augmentation("geometric", 0, -1024.0)
    results = [
        SelectThenBatch(model, top(model, chunk), LOSS, micro, augment)(data, [4, 2, 0, 1], 3)
        for chunk, micro in ((0, 0), (3, 3), (20, 1))
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other.losses, results[0].losses, rtol=1e-5)
        assert_same_gradients(other.gradients, results[0].gradients)


def test_several_instances_of_a_bag_are_averaged_by_their_weights(make_bag):
    model, data = small(), source(make_bag, [5, 3], 12)
    chosen = [
        Selection(np.array([4, 0]), np.float32([[0, 1], [1, 0]]), np.float32([0.25, 0.75])),
        Selection(np.array([2]), np.float32([[0, 1]]), np.float32([1])),
    ]
    found = SelectThenBatch(model, lambda *_: chosen, LOSS, 2)(data, [0, 1], 0)
    images = np.concatenate([data.take(0, [4, 0]), data.take(1, [2])]).astype(np.float32)
    with tf.GradientTape() as tape:
        logs = -tf.math.log(model(images, training=False))
        bags = tf.stack([0.25 * logs[0, 1] + 0.75 * logs[1, 0], logs[2, 1]])
        total = tf.reduce_mean(bags)
    np.testing.assert_allclose(found.losses, bags, rtol=1e-5)
    assert_same_gradients(found.gradients, tape.gradient(total, model.trainable_variables))


def test_a_scaled_loss_gives_the_same_gradient(make_bag):
    model, data = small(), source(make_bag, [4, 1, 7], 12)
    plain, other = (
        SelectThenBatch(model, top(model), LOSS, 2, loss_scale=scale)(data, [2, 0, 1], 0) for scale in (1.0, 1024.0)
    )
    np.testing.assert_allclose(other.losses, plain.losses, rtol=1e-5)
    assert_same_gradients(other.gradients, plain.gradients)


def test_a_full_memory_halves_the_micro_batch_and_keeps_the_gradient(make_bag):
    model, data, told = small(), source(make_bag, [4, 1, 7, 3, 5], 12), []
    plain = SelectThenBatch(model, top(model), LOSS, 4)(data, [0, 1, 2, 3, 4], 0)
    signal = SelectThenBatch(model, top(model), LOSS, 4)
    graph, signal.portions._show = signal._graph, told.append

    def small_graph(shape):
        if shape[0] > 2:
            raise tf.errors.ResourceExhaustedError(None, None, "full")
        return graph(shape)

    signal._graph = small_graph
    found = signal(data, [0, 1, 2, 3, 4], 0)
    assert told == ["out of memory with 4 instances a pass: going on with micro_batch=2"]
    np.testing.assert_allclose(found.losses, plain.losses, rtol=1e-5)
    assert_same_gradients(found.gradients, plain.gradients)


def test_a_window_starts_from_zero(make_bag):
    model, data = small(), source(make_bag, [4, 2, 6], 12)
    signal = SelectThenBatch(model, top(model), LOSS, 2)
    first = signal(data, [0, 1], 0)
    kept = [np.array(one) for one in first.gradients]
    signal(data, [2], 0)
    for before, again, same in zip(kept, signal(data, [0, 1], 0).gradients, first.gradients):
        np.testing.assert_array_equal(before, again)
        np.testing.assert_array_equal(before, same)  # a result is not overwritten by the next


@pytest.mark.parametrize("norm", ["none", "group"])
def test_without_batch_norm_what_is_scored_is_what_is_differentiated(make_bag, norm):
    model, data = small(norm), source(make_bag, [4, 2], 12)
    scores, found = Scorer(model)(data, [0, 1]), SelectThenBatch(model, top(model), LOSS)(data, [0, 1], 0)
    chosen = [score[score[:, 1].argmax(), label] for score, label in zip(scores, data.labels[:, 0])]
    np.testing.assert_allclose(found.losses, -np.log(chosen), rtol=1e-4)


def learned(model):
    """A batch norm whose moving averages are not the initial ones."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.5, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.moving_mean.shape))
    return model


def test_batch_norm_in_training_takes_and_keeps_the_statistics_of_the_chosen_slices(make_bag):
    model, data = learned(small("batch")), source(make_bag, [4, 2, 6], 12)
    norm = model.get_layer("stem_norm")
    before, choose = norm.moving_mean.numpy(), top(model)
    chosen = np.concatenate([data.take(i, s.indices) for i, s in enumerate(choose(data, [0, 1, 2], 0))])
    np.testing.assert_array_equal(norm.moving_mean, before)  # scoring leaves the averages alone
    images = chosen.astype(np.float32)
    expected = keras.Model(model.input, model.get_layer("stem_conv").output)(images).numpy().mean(axis=(0, 1, 2))
    with_statistics = -tf.nn.log_softmax(logits_model(learned(small("batch")))(images, training=True)).numpy()
    found = SelectThenBatch(model, choose, LOSS)(data, [0, 1, 2], 0)
    np.testing.assert_allclose(norm.moving_mean, 0.9 * before + 0.1 * expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.losses, with_statistics[range(3), data.labels[:, 0]], rtol=1e-3)


def test_a_frozen_batch_norm_differentiates_what_was_scored(make_bag):
    model, data = learned(small("batch")), source(make_bag, [4, 2, 6], 12)
    before = model.get_weights()
    losses, gradients = literal(model, data, [0, 1, 2])
    found = SelectThenBatch(model, top(model), LOSS, 2, training=False)(data, [0, 1, 2], 0)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)
    assert_same_gradients(found.gradients, gradients)
    for kept, now in zip(before, model.get_weights()):
        np.testing.assert_array_equal(kept, now)


def test_only_chosen_slices_are_augmented_each_by_its_own_key(make_bag):
    model, data, seen = small(), source(make_bag, [4, 2, 6], 12), []

    def augment(images, epoch, keys):
        seen.append((epoch, keys.tolist(), images.numpy()))
        return images

    window = [2, 0]
    chosen = AtRandom(3, 0)(data, window, 5)
    SelectThenBatch(model, AtRandom(3, 0), LOSS, 4, augment)(data, window, 5)
    assert [epoch for epoch, _, _ in seen] == [5, 5]
    assert sum((keys for _, keys, _ in seen), []) == [[2, 0], [2, 1], [2, 2], [0, 0], [0, 1], [0, 2]]
    expected = np.concatenate([data.take(p, s.indices) for p, s in zip(window, chosen)])
    np.testing.assert_array_equal(np.concatenate([images for _, _, images in seen]), expected)


def test_a_negative_portion_is_refused():
    with pytest.raises(ValueError, match="`micro_batch` of 1 or more instances, or 0. Received: micro_batch=-1"):
        SelectThenBatch(small(), None, LOSS, -1)
