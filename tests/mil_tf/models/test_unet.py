import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.unet import Continued, unet
from mil_tf.training.segmentation_losses import segmentation_loss

SMALL = {"width": 2, "depth": 2}


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def slices(height, width, count=2, channels=1):
    return np.random.default_rng(0).normal(40, 30, (count, height, width, channels)).astype(np.float32)


def moving(model):
    """Gives batch normalisation statistics of its own, as training would."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 5), (12, 31)])
def test_every_pixel_has_an_answer_whatever_the_size(size):
    found = unet(5, **SMALL)(slices(*size))["logits"]
    assert found.shape == (2, *size, 6) and found.dtype == tf.float32 and np.isfinite(found).all()


def test_a_slice_is_continued_by_its_border_and_cut_back():
    model, images = moving(unet(5, **SMALL)), slices(9, 7)
    longer = np.pad(images, [(0, 0), (0, 3), (0, 1), (0, 0)], mode="edge")
    whole = model(longer)["logits"].numpy()
    np.testing.assert_allclose(model(images)["logits"], whole[:, :9, :7], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(Continued(4)(images), longer)
    np.testing.assert_array_equal(Continued(1)(images), images)


def test_slices_of_a_batch_do_not_see_each_other():
    model, images = moving(unet(3, **SMALL)), slices(8, 8, 3)
    np.testing.assert_allclose(model(images)["logits"][1:2], model(images[1:2])["logits"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_a_gradient_reaches_every_weight(norm):
    model = unet(2, norm=norm, dropout=0.2, **SMALL)
    with tf.GradientTape() as tape:
        logits = model(slices(9, 7, 4), training=True)["logits"]
        total = tf.reduce_sum(logits * np.random.default_rng(2).normal(size=logits.shape).astype(np.float32))
    gradients = tape.gradient(total, model.trainable_variables)
    assert all(float(tf.reduce_max(tf.abs(each))) > 0 for each in gradients)


def test_moving_a_pixel_far_away_changes_what_the_depth_reaches_and_nothing_beyond():
    model, images = moving(unet(1, width=2, depth=2, norm="none")), slices(128, 128, 1)
    moved = images.copy()
    moved[0, 0, 0] += 200
    apart = np.abs(model(images)["logits"] - model(moved)["logits"]).max(axis=(0, 3))
    assert apart[:4, :4].max() > 0 and apart[64:].max() == 0


def test_the_papers_size_and_ours():
    plain = unet(1, channels=2, width=64, norm="none", mean=(0, 0), std=(1, 1))
    # 31,030,658 of Ronneberger et al. 2015 with one channel and two outputs, and 3 x 3 x 64 for the second channel.
    assert plain.count_params() == 31_030_658 + 576
    assert [unet(5, width=width).count_params() for width in (8, 32)] == [488_070, 7_769_094]


def test_several_channels_are_standardised():
    model = unet(2, channels=2, mean=(1.0, 2.0), std=(3.0, 4.0), **SMALL)
    images = slices(8, 8, channels=2)
    inner = model.get_layer("standardised")(images).numpy()
    np.testing.assert_allclose(inner, (images - [1, 2]) / [3, 4], rtol=1e-5, atol=1e-5)


def test_a_saved_model_comes_back(tmp_path):
    model, images = moving(unet(5, dropout=0.3, **SMALL)), slices(9, 7)
    model.save(tmp_path / "unet.keras")
    loaded = keras.models.load_model(tmp_path / "unet.keras")
    np.testing.assert_array_equal(loaded(images)["logits"], model(images)["logits"])


def test_mixed_arithmetic_ends_in_float32():
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = unet(2, **SMALL)
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert model(slices(9, 7))["logits"].dtype == tf.float32


@pytest.mark.parametrize("options, told", [
    ({"classes": 0}, "classes=0"), ({"classes": 2, "depth": 0}, "depth=0"),
    ({"classes": 2, "channels": 2}, "of 2 channels"), ({"classes": 2, "norm": "layer"}, "norm='layer'"),
])
def test_an_argument_that_cannot_be(options, told):
    with pytest.raises(ValueError, match="Expected .*Received: ") as raised:
        unet(**options)
    assert told in str(raised.value)


def test_it_learns_where_the_blood_is():
    rng, rows, columns = np.random.default_rng(0), *np.mgrid[:16, :16]
    truth = np.stack([np.hypot(rows - r, columns - c) < 4 for r, c in rng.uniform(4, 12, (8, 2))]).astype(np.int64)
    images = (np.where(truth > 0, 70, 35) + rng.normal(0, 3, truth.shape))[..., None].astype(np.float32)
    model, optimizer = unet(1, width=4, depth=2), keras.optimizers.Adam(0.02)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = model(images, training=True)["logits"]
            loss = tf.reduce_mean(segmentation_loss(truth, logits, [True] * 8))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        return logits

    for _ in range(40):
        found = step().numpy().argmax(axis=-1)
    assert 2 * (found * truth).sum() / (found.sum() + truth.sum()) > 0.95
