import math
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.training.convergence import Convergence
from mil_tf.training.state import BestWeights, Checkpoints, State


def some_state():
    rng = random.Random(0)
    return State(
        Convergence(50, 1e-4, rng.random(), 3, 2), epoch=4, window=2, step=17, losses=[rng.random() for _ in range(9)],
        history=[{"epoch": 0, "train_loss": 0.1 + 0.2, "validation_ap": math.nan}],
    )


def built(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()])
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def step(model, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.ones((2, 3), np.float32) * [[1], [2]], training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))


def test_every_bit_goes_through_json():
    state = some_state()
    again = State.from_json(state.to_json())
    assert repr(again) == repr(state)  # repr of a float is exact, and equal for NaN too
    fresh = State(Convergence(1, 0.0))
    assert State.from_json(fresh.to_json()) == fresh and fresh.convergence.best == math.inf


def test_a_checkpoint_holds_weights_optimizer_and_state(tmp_path):
    model, optimizer = built()
    step(model, optimizer)
    assert not Checkpoints.exist(tmp_path)
    Checkpoints(tmp_path, model, optimizer).save(some_state())
    assert Checkpoints.exist(tmp_path)
    step(model, optimizer)
    expected = model.get_weights()

    other, its_optimizer = built(seed=1)
    state = Checkpoints(tmp_path, other, its_optimizer).restore()
    assert repr(state) == repr(some_state())
    step(other, its_optimizer)
    for ours, theirs in zip(other.get_weights(), expected):
        np.testing.assert_array_equal(ours, theirs)


def test_the_newest_checkpoint_counts_and_two_are_kept(tmp_path):
    model, optimizer = built()
    checkpoints = Checkpoints(tmp_path, model, optimizer)
    for epoch in range(4):
        checkpoints.save(State(Convergence(1, 0.0), epoch=epoch))
    assert checkpoints.restore().epoch == 3
    assert len(list(tmp_path.glob("*.index"))) == 2


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    model, optimizer = built()
    Checkpoints(tmp_path, model, optimizer).save(some_state())
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(4), keras.layers.Dense(1)])
    with pytest.raises(Exception, match="(?i)not.*match|unresolved|missing|found"):
        Checkpoints(tmp_path, other, keras.optimizers.SGD()).restore()


def test_the_best_weights_are_one_file_replaced_as_a_whole(tmp_path, monkeypatch):
    model, _ = built()
    best = BestWeights(tmp_path / "best.weights.h5", model)
    best.save()
    before = model.get_weights()
    model.set_weights([w + 1 for w in before])

    def dies(path):
        open(path, "wb").write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(model, "save_weights", dies)
        with pytest.raises(KeyboardInterrupt):
            best.save()
    best.load()
    for ours, theirs in zip(model.get_weights(), before):
        np.testing.assert_array_equal(ours, theirs)
