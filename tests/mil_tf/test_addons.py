"""tensorflow-addons by name: on the `addons` install (TensorFlow 2.15), and skipped elsewhere."""

import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf

import train
from mil_tf import registry
from mil_tf.models.norms import normalisation
from mil_tf.models.resnet import resnet
from mil_tf.training.state import Checkpoints
from tfrecords.dataset import SPLITS

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_addons") is None,
    reason="tensorflow-addons is not installed: it needs pip install -e '.[addons]' on Python 3.10 or 3.11",
)

OPTIMIZERS = (
    "Addons>LAMB", "Addons>LAMB(weight_decay=0.01)", "Addons>AdamW(weight_decay=1e-4)", "Addons>LazyAdam",
    "Addons>RectifiedAdam", "Addons>Yogi", "Addons>NovoGrad", "Addons>Lookahead",
    "Addons>Lookahead(optimizer='Addons>RectifiedAdam', sync_period=2)",
)
ANSWERS = ("history.csv", "predictions-validation.csv", "predictions-test.csv", "instances-test.csv")


def _started(name):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    optimizer = registry.optimizer(name, 0.01)
    registry.create_slots(optimizer, model.trainable_variables)
    return model, optimizer, tf.train.Checkpoint(model=model, optimizer=optimizer)


def _step(model, optimizer, steps):
    @tf.function
    def apply(gradients):
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    for step in steps:
        rng = np.random.default_rng(step)
        apply([tf.constant(rng.normal(size=v.shape), tf.float32) for v in model.trainable_variables])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_goes_on_bit_for_bit_from_a_checkpoint(name, tmp_path):
    model, optimizer, checkpoint = _started(name)
    before = model.get_weights()
    _step(model, optimizer, range(3))
    path = checkpoint.save(tmp_path / "here")
    _step(model, optimizer, range(3, 8))
    expected = model.get_weights()
    model, optimizer, checkpoint = _started(name)
    checkpoint.restore(path).assert_existing_objects_matched()
    _step(model, optimizer, range(3, 8))
    for first, whole, resumed in zip(before, expected, model.get_weights()):
        np.testing.assert_array_equal(whole, resumed)
        assert not np.array_equal(first, whole)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rate_can_be_read_and_scheduled(name):
    model, optimizer, _ = _started(name)
    optimizer.learning_rate.assign(0.0)
    before = model.get_weights()
    _step(model, optimizer, range(2))
    assert optimizer.learning_rate.numpy() == 0.0
    if "Lookahead" not in name and "weight_decay=1e-4" not in name:  # those move weights beside the rate
        for first, last in zip(before, model.get_weights()):
            np.testing.assert_array_equal(first, last)


def test_focal_loss_is_that_of_the_networks_own_probability():
    targets = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    logits = np.array([[2, -1], [0.5, 0.3], [3, -2]], np.float32)
    found = registry.loss("Addons>SigmoidFocalCrossEntropy(alpha=0.25, gamma=2)")(targets, logits).numpy()
    positive = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    of_truth = np.where(targets[:, 1] == 1, positive, 1 - positive)
    weight = np.where(targets[:, 1] == 1, 0.25, 0.75)
    np.testing.assert_allclose(found, -weight * (1 - of_truth) ** 2 * np.log(of_truth), rtol=1e-5)


@pytest.mark.parametrize("norm", ["Addons>GroupNormalization", "Addons>InstanceNormalization"])
def test_norm(norm):
    x = np.random.default_rng(0).normal(3, 5, (2, 6, 6, 16)).astype(np.float32)
    found = normalisation(norm, 16, "norm")(x).numpy()
    np.testing.assert_allclose(found.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std((1, 2, 3)), 1, atol=1e-2)


def test_network_with_a_norm_of_the_addons():
    model = resnet(10, 16, "Addons>GroupNormalization", zero_residual=True, stem="small")
    norms = [layer for layer in model.layers if "GroupNormalization" in type(layer).__name__]
    assert len(norms) == 12 and {norm.groups for norm in norms} == {2, 4, 8, 16}  # eight channels a group
    assert np.isfinite(model(np.ones((2, 16, 16, 1), np.float32)).numpy()).all()


def test_mish_runs_in_a_graph_after_a_convolution_with_bias():
    """TensorFlow 2.15 fuses the four operations into one that it then cannot run on a CPU."""
    model = resnet(10, 16, "none", zero_residual=True, activation="Addons>mish", stem="small")
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    graph = tf.function(lambda images: model(images, training=False))(x).numpy()
    np.testing.assert_allclose(graph, model(x, training=False).numpy(), rtol=1e-4, atol=1e-5)


def test_activation():
    x = np.array([-1.0, 0.0, 2.0], np.float32)
    expected = x * np.tanh(np.log1p(np.exp(x)))
    np.testing.assert_allclose(registry.activation("Addons>mish")(x), expected, rtol=1e-5)


@pytest.fixture
def data(make_bag, write_dataset):
    """Twelve bags with a split."""
    bags = [make_bag(id=f"b{i:02d}", n=3, size=16, label=i % 2, seed=i) for i in range(12)]
    info = {"classes": ["positive"], "preprocessing": {"kind": "ct", "settings": {}, "hash": "none"}}
    folder = write_dataset(bags, info=info)
    split = ["train"] * 6 + ["validation"] * 4 + ["test"] * 2
    rows = [f"{bag.id},{bag.patient},{name},0" for bag, name in zip(bags, split)]
    (folder / SPLITS).write_text("\n".join(["id,patient,split,fold", *rows]) + "\n")
    return folder


def _train(data, out, *more):
    options = ["optimizer=Addons>LAMB", "loss=Addons>SigmoidFocalCrossEntropy", "activation=Addons>mish"]
    options += ["norm=none", "scaling=window", "augmentation=none", "backbone=resnet10", "width=16"]
    options += ["stem=small", "window=3", "warm_up=1", "max_epochs=3", "patience=3", "image_every=0"]
    return train.main(["--data", str(data), "--out", str(out), "--set", *options, *more])


def test_training_with_addons_resumes_bit_for_bit(data, tmp_path, monkeypatch):
    assert _train(data, tmp_path / "whole") == 0
    save, calls = Checkpoints.save, []

    def killed(self, state):
        save(self, state)
        calls.append(state.step)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", killed)
    assert _train(data, tmp_path / "killed") == 130
    monkeypatch.undo()
    assert _train(data, tmp_path / "killed", "--resume") == 0
    whole, resumed = (next((tmp_path / name).rglob("history.csv")).parent for name in ("whole", "killed"))
    for name in ANSWERS:
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
