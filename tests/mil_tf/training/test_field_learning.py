"""Loss and gradient of a window of fields: whatever the micro-batches, they are those of the whole batch."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.field_augment import FieldAugmentation
from mil_tf.field_cells import around, centres
from mil_tf.models.conv_mil import NONE, conv_mil, joint_loss, learner
from mil_tf.training.field_learning import Cells, FieldLearning, Whole
from mil_tf.training.field_scoring import FieldScorer
from mil_tf.training.field_validation import validate
from tests.fields import SIZES, field
from tfrecords import Bag

LOSS = joint_loss("softmax")


class Fields:
    """A source of fields in memory."""

    def __init__(self, bags):
        self.bags = bags
        self.labels = np.array([bag.label for bag in bags])

    def __len__(self):
        return len(self.bags)

    def image(self, position):
        return self.bags[position].instances[0]

    def fields(self, position):
        return self.bags[position]


@functools.cache
def source():
    return Fields([field(index) for index in range(6)])


def built(pooling="noisy_and", dropout=0.0, seed=0):
    keras.utils.set_random_seed(seed)
    return conv_mil(
        3, 2, (0.2, 0.2), (0.1, 0.1), pooling, widths=(3, 4, 4, 4, 4, 6), first_stride=1, pool_dropout=dropout,
        dropout=dropout,
    )


def learning(model, gather=None, micro_batch=0, **options):
    gather = gather or Whole(FieldAugmentation(0, "quarter", 0))
    return FieldLearning(learner(model), gather, LOSS, micro_batch, **options)


WINDOW = np.array([4, 0, 3, 1, 5])


def test_loss_and_gradient_are_the_means_over_the_fields():
    model = built()
    batch = Whole(FieldAugmentation(0, "quarter", 0))(source(), WINDOW, 2)
    assert batch.images.shape == (5, 40, 48, 2)  # what the sizes have in common
    with tf.GradientTape() as tape:
        losses = LOSS(source().labels[WINDOW].astype(np.float32), learner(model)(batch.images.astype(np.float32)))
        mean = tf.reduce_mean(losses)
    expected = tape.gradient(mean, model.trainable_variables)
    found = learning(model)(source(), WINDOW, 2)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)
    for ours, theirs in zip(found.gradients, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gather", [None, Cells(33, 2, FieldAugmentation(0, "quarter", 0), 0)])
@pytest.mark.parametrize("more", [{"micro_batch": 2}, {"micro_batch": 1}, {"loss_scale": 1024.0}])
def test_micro_batches_and_scale_change_nothing(gather, more):
    model = built()
    whole, parted = learning(model, gather)(source(), WINDOW, 0), learning(model, gather, **more)(source(), WINDOW, 0)
    np.testing.assert_allclose(parted.losses, whole.losses, rtol=1e-5)
    for ours, theirs in zip(parted.gradients, whole.gradients):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_dropout_goes_by_how_often_it_was_called_so_that_equal_runs_have_equal_bits():
    found = []
    for _ in range(2):
        learn = learning(built(dropout=0.3), micro_batch=2)
        found.append([learn(source(), WINDOW, epoch).losses.tobytes() for epoch in (0, 0)])
    assert found[0] == found[1] and found[0][0] != found[0][1]


def test_a_pass_without_memory_is_done_again_as_if_it_had_not_been():
    model = built(dropout=0.3)
    learn = learning(model, micro_batch=4)
    whole, failed = learn._passes, []

    def passes(images, targets, shares, size):
        found = whole(images, targets, shares, size)
        if not failed:
            failed.append(size)
            raise tf.errors.ResourceExhaustedError(None, None, "full")
        return found

    learn._passes = passes
    found = learn(source(), WINDOW, 0)
    expected = learning(built(dropout=0.3), micro_batch=2)(source(), WINDOW, 0)
    assert failed == [4]
    np.testing.assert_array_equal(found.losses, expected.losses)


def test_cells_are_windows_around_their_centres_a_few_of_each_field():
    gather = Cells(33, 2, FieldAugmentation(0, "none", 0), 0)
    images, owner = gather(source(), WINDOW, 0)
    assert images.shape == (10, 33, 33, 2) and owner.tolist() == sorted(list(range(5)) * 2)
    for place, position in enumerate(WINDOW):
        points, _ = centres(source().fields(position))
        windows = [window.tobytes() for window in around(source().image(position), points, 33)]
        drawn = [image.tobytes() for image in images[owner == place]]
        assert set(drawn) <= set(windows) and len(set(drawn)) == 2
    again = [gather(source(), WINDOW, epoch).images for epoch in (0, 1)]
    np.testing.assert_array_equal(again[0], images)
    assert (again[1] != images).any()


def test_a_field_without_cells_has_no_part_in_the_gradient():
    empty = Bag("none", "none", [1, 0, 0], field(0).instances, [0])
    more = Fields([*source().bags, empty])
    model, gather = built(NONE), Cells(33, 9, FieldAugmentation(0, "none", 0), 0)
    found, expected = (learning(model, gather)(more, np.array(window), 0) for window in ([1, 6, 2], [1, 2]))
    np.testing.assert_allclose(found.losses, [expected.losses[0], 0, expected.losses[1]])
    for ours, theirs in zip(found.gradients, expected.gradients):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    alone = learning(model, gather)(more, np.array([6]), 0)
    assert alone.losses.tolist() == [0] and not any(np.any(gradient) for gradient in alone.gradients)


def test_answers_are_the_models_field_by_field_whatever_their_sizes():
    model = built()
    found = FieldScorer(model, 33)(source(), [3, 0, 2, 4, 1])
    for place, position in enumerate([3, 0, 2, 4, 1]):
        expected = model(source().image(position)[None].astype(np.float32), training=False)
        for name in ("pooled", "probabilities"):
            np.testing.assert_allclose(getattr(found, name)[place], expected[name][0], atol=1e-5)
    assert {source().image(position).shape[:2] for position in range(5)} == set(SIZES)


def test_answers_of_cells_are_the_models_of_their_windows():
    scorer = FieldScorer(built(), 33, chunk=2)
    points, _ = centres(source().fields(1))
    windows = around(source().image(1), points, 33).astype(np.float32)
    expected = scorer.model(windows, training=False)
    found = scorer.cells(source(), 1)
    np.testing.assert_allclose(found.pooled, expected["pooled"], atol=1e-5)
    np.testing.assert_allclose(found.probabilities, expected["probabilities"], atol=1e-5)


def test_a_network_of_cells_answers_the_mean_of_its_cells_and_else_of_the_field():
    more = Fields([field(0), Bag("none", "none", [1, 0, 0], field(1).instances, [0])])
    scorer = FieldScorer(built(NONE), 33, by_cells=True)
    found = scorer(more, [0, 1])
    np.testing.assert_allclose(found.probabilities[0], scorer.cells(more, 0).probabilities.mean(axis=0), atol=1e-6)
    whole = scorer.model(more.image(1)[None].astype(np.float32))
    np.testing.assert_allclose(found.probabilities[1], whole["probabilities"][0], atol=1e-5)
    assert scorer.cells(more, 1).probabilities.shape == (0, 3)


def test_validation_is_the_loss_that_is_learned_from():
    model = built()
    found = validate(source(), FieldScorer(model, 33), "softmax", True)
    losses = [
        float(LOSS(source().labels[i : i + 1].astype(np.float32), learner(model)(source().image(i)[None].astype(np.float32)))[0])
        for i in range(6)
    ]
    assert found["validation_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
