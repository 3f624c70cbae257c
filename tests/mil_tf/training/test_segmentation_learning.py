import keras
import numpy as np
import tensorflow as tf

from mil_tf.data import MemorySource
from mil_tf.models.unet import unet
from mil_tf.training.segmentation_learning import SegmentationLearning, pixel_batch
from mil_tf.training.segmentation_losses import segmentation_loss
from tests.bleeds import bleed


def network(norm="none"):
    keras.utils.set_random_seed(3)
    return unet(2, width=2, depth=1, norm=norm)


SOURCE = MemorySource([bleed(0, index) for index in range(5 - 1)] + [bleed(1, 2)])


def test_gradients_of_portions_are_those_of_the_whole_batch():
    model, batch = network(), pixel_batch(SOURCE, [4, 1, 3, 0, 2], 2, True)
    with tf.GradientTape() as tape:
        logits = model(tf.cast(batch.images, tf.float32))["logits"]
        losses = segmentation_loss(batch.targets, logits, batch.regularised, 0.5)
        mean = tf.reduce_mean(losses)
    wanted = tape.gradient(mean, model.trainable_variables)
    for size in (2, 5):
        found = SegmentationLearning(model, 0.5, size, loss_scale=8.0)(batch)
        np.testing.assert_allclose(found.losses, losses, rtol=1e-5)
        for one, other in zip(found.gradients, wanted):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_stage_1_learns_cross_entropy_alone_and_recursions_dice_beside_it():
    learning = SegmentationLearning(network(), 1.0)
    plain, both = (learning(pixel_batch(SOURCE, [1, 0], 2, which)).losses for which in (False, True))
    assert both[0] > plain[0] + 0.1 and both[1] == plain[1]  # the second slice has no blood: nothing to regularise


def test_moving_averages_move_once_a_portion():
    model = network("batch")
    before = [value.numpy() for value in model.non_trainable_variables]
    SegmentationLearning(model, 0.0, 5)(pixel_batch(SOURCE, range(5), 2, False))
    assert any((value.numpy() != old).any() for value, old in zip(model.non_trainable_variables, before))
