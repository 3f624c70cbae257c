import numpy as np
import pytest
import tensorflow as tf

from mil_tf.training.segmentation_losses import pixel_cross_entropy, segmentation_loss, soft_dice_loss

CLASSES = 3  # with the background


def batch(seed=0, count=4):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, CLASSES, (count, 5, 6))
    target[1] = 0
    target[2][target[2] == 2] = 0
    return target, rng.normal(0, 2, (count, 5, 6, CLASSES)).astype(np.float32)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=-1, keepdims=True)


def dice_by_hand(target, probability, smooth):
    lost = []
    for kind in range(1, CLASSES):
        truth, called = target == kind, probability[..., kind]
        if truth.any():
            lost.append(1 - (2 * called[truth].sum() + smooth) / (called.sum() + truth.sum() + smooth))
    return np.mean(lost) if lost else 0.0


def test_cross_entropy_is_equation_1():
    target, logits = batch()
    own = np.take_along_axis(softmax(logits), target[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(pixel_cross_entropy(target, logits), -np.log(own).mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("smooth", [1.0, 0.1])
def test_dice_by_hand_over_the_classes_that_an_image_has(smooth):
    target, logits = batch()
    expected = [dice_by_hand(*each, smooth) for each in zip(target, softmax(logits))]
    np.testing.assert_allclose(soft_dice_loss(target, logits, smooth), expected, rtol=1e-5)
    assert expected[1] == 0 and expected[0] > 0


def test_dice_counts_on_the_pixel_set_alone():
    target, logits = batch()
    found = segmentation_loss(target, logits, [True, True, False, True], dice_weight=0.5).numpy()
    plain, dice = pixel_cross_entropy(target, logits).numpy(), soft_dice_loss(target, logits).numpy()
    np.testing.assert_allclose(found, plain + 0.5 * dice * [1, 1, 0, 1], rtol=1e-6)


def test_a_perfect_answer_costs_nothing():
    target, _ = batch()
    logits = 50.0 * np.eye(CLASSES, dtype=np.float32)[target]
    np.testing.assert_allclose(segmentation_loss(target, logits, [True] * 4), 0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_values_and_slopes_are_finite_for_empty_masks_and_great_logits(scale):
    target, logits = batch()
    target[:2] = 0
    logits = tf.Variable(logits * scale)
    with tf.GradientTape() as tape:
        found = segmentation_loss(target, logits, [True] * 4)
    slope = tape.gradient(found, logits)
    assert np.isfinite(found).all() and np.isfinite(slope).all()


def test_dice_falls_as_the_answer_moves_towards_the_truth():
    target, logits = batch()
    towards = np.eye(CLASSES, dtype=np.float32)[target]
    lost = [soft_dice_loss(target, logits + step * towards).numpy() for step in (0.0, 1.0, 2.0)]
    assert (lost[0] > lost[1])[[0, 2, 3]].all() and (lost[1] > lost[2])[[0, 2, 3]].all()


def test_half_precision_logits_give_float32():
    target, logits = batch()
    found = segmentation_loss(target.astype(np.uint8), tf.cast(logits, tf.bfloat16), [True] * 4)
    assert found.dtype == tf.float32 and np.isfinite(found).all()
