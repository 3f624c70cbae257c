import keras
import numpy as np
import tensorflow as tf

from mil_tf.data import MemorySource
from mil_tf.models.unet import unet
from mil_tf.training.segmentation_truth import truth
from mil_tf.training.segmentation_validation import validate
from mil_tf.training.segmenter import Segmenter
from tests.bleeds import bleed

SOURCE = MemorySource([bleed(0, index) for index in range(4)] + [bleed(1, 2)])


def segmenter(chunk=0):
    keras.utils.set_random_seed(3)
    return Segmenter(unet(2, width=2, depth=1, norm="none"), chunk)


def test_answers_come_in_the_order_asked_whatever_the_chunk():
    wanted = {one.position: one for one in segmenter(5)(SOURCE, range(5))}
    for chunk in (1, 2):
        found = list(segmenter(chunk)(SOURCE, [3, 0, 4]))
        assert [one.position for one in found] == [3, 0, 4]
        for one in found:
            np.testing.assert_array_equal(one.mask, wanted[one.position].mask)
            np.testing.assert_allclose(one.blood, wanted[one.position].blood, rtol=1e-5)
            np.testing.assert_array_equal(one.hu, SOURCE.take(one.position, [0])[0, ..., 0])
            assert one.truth is None and one.loss is None
    assert not list(segmenter()(SOURCE, []))


def test_masks_are_the_likeliest_class_and_blood_all_but_the_background():
    one = next(segmenter()(SOURCE, [1]))
    logits = segmenter().model(tf.cast(SOURCE.take(1, [0]), tf.float32))["logits"]
    probability = tf.nn.softmax(logits).numpy()[0]
    np.testing.assert_array_equal(one.mask, probability.argmax(-1))
    np.testing.assert_allclose(one.blood, 1 - probability[..., 0], atol=1e-5)


def test_what_is_measured_is_equation_1_and_dice_of_all_pixels():
    source, made = SOURCE, segmenter(2)
    found = validate(source, made, 2)
    masks = [one.mask for one in made(source, range(5))]
    true = [truth(source, place, 2) for place in range(5)]
    both = sum(np.count_nonzero((a > 0) & (b > 0)) for a, b in zip(masks, true))
    either = sum(np.count_nonzero(a) + np.count_nonzero(b) for a, b in zip(masks, true))
    assert found["validation_dice"] == 2 * both / either
    logits = made.model(tf.cast(np.concatenate([source.take(p, [0]) for p in range(5)]), tf.float32))["logits"].numpy()
    exact = logits.astype(np.float64)
    exact -= np.log(np.exp(exact).sum(-1, keepdims=True))
    wanted = -np.take_along_axis(exact, np.stack(true)[..., None].astype(int), -1).mean()
    np.testing.assert_allclose(found["validation_loss"], wanted, rtol=1e-5)
