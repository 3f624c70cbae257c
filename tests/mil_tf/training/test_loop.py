"""The loop alone: a parameter that moves by its gradient, and signals that say what they were asked for."""

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.training import loop
from mil_tf.training.interrupt import Interrupted
from mil_tf.training.loop import Loop, NonFiniteError, Plan
from mil_tf.training.select_then_batch import WindowResult
from mil_tf.training.state import State


class Kept:
    """Checkpoints and best weights in memory."""

    def __init__(self):
        self.states, self.best, self.loaded = [], [], 0

    def save(self, state):
        self.states.append(state.to_json())

    def restore(self):
        return State.from_json(self.states[-1])

    def load(self):
        self.loaded += 1


class Best:
    def __init__(self, kept, variable):
        self.kept, self.variable = kept, variable

    def save(self):
        self.kept.best.append(float(self.variable))

    def load(self):
        self.kept.loaded += 1


class World:
    """What a loop needs, with all that it did noted."""

    def __init__(self, monkeypatch, validation=lambda epoch: 1.0 / (epoch + 1), bags=7, **plan):
        self.variable, self.kept = tf.Variable(1.0), Kept()
        self.windows, self.rates, self.epochs, self.bags = [], [], [], bags
        self.gradient, self.loss = lambda: 1.0, lambda: 0.5
        self.plan = Plan(**{"max_epochs": 4, "patience": 9, "min_delta": 1e-4, "seed": 0, **plan})
        self._validated = 0

        def validate(source, search):
            epoch = len(self.epochs)
            return {"validation_loss": validation(epoch), "validation_ap": 0.5, "validation_auc": 0.5}

        monkeypatch.setattr(loop, "validate", validate)

    def signal(self, source, window, epoch):
        self.windows.append((epoch, list(window)))
        self.rates.append(float(self.optimizer.learning_rate.numpy()))
        return WindowResult(np.full(len(window), self.loss(), np.float32), [tf.constant(self.gradient())])

    def epoch(self, state, metrics, timing):
        self.epochs.append((state.epoch, metrics, timing))

    def loop(self, window_of=lambda epoch: 3, learning_rate=None, **more):
        self.optimizer = keras.optimizers.SGD(0.1)
        return Loop(
            self.plan, range(self.bags), range(2), lambda epoch: self.signal, window_of, self.optimizer, [self.variable],
            None, self.kept, Best(self.kept, self.variable), [self], learning_rate, **more,
        )


def test_every_epoch_takes_every_bag_once_in_an_order_of_its_own(monkeypatch):
    world = World(monkeypatch)
    state = world.loop().run()
    assert state.finished and state.epoch == 4 and state.step == 12 and world.kept.loaded == 1
    orders = [sum((window for e, window in world.windows if e == epoch), []) for epoch in range(4)]
    assert all(sorted(order) == list(range(7)) for order in orders) and len(set(map(tuple, orders))) == 4
    assert [len(window) for _, window in world.windows] == [3, 3, 1] * 4
    np.testing.assert_allclose(world.variable.numpy(), 1 - 12 * 0.1, rtol=1e-5)


def test_the_last_window_counts_as_its_own_mean(monkeypatch):
    # A signal's gradient is a mean over its window; the loop neither divides nor scales it again.
    world = World(monkeypatch, bags=4, max_epochs=1)
    world.loop().run()
    np.testing.assert_allclose(world.variable.numpy(), 1 - 2 * 0.1, rtol=1e-6)


def test_windows_and_rates_follow_the_epoch(monkeypatch):
    world = World(monkeypatch, max_epochs=2)
    world.loop(lambda epoch: (7, 2)[epoch], lambda epoch: (0.5, 0.25)[epoch]).run()
    assert [(epoch, len(window)) for epoch, window in world.windows] == [(0, 7), (1, 2), (1, 2), (1, 2), (1, 1)]
    assert world.rates == [0.5] + [0.25] * 4


def test_the_next_windows_bags_are_read_ahead_in_the_epochs_that_want_it(monkeypatch):
    read = []

    class Source(list):
        def ready(self, positions):
            read.append(positions)

    world = World(monkeypatch, max_epochs=2)
    made = world.loop(reads_ahead=lambda epoch: epoch == 0)
    made.train = Source(range(7))
    made.run()
    assert read == [[int(p) for p in window] for epoch, window in world.windows if epoch == 0][1:]
    assert len(world.windows) == 6


def test_training_stops_when_the_validation_loss_has_converged(monkeypatch):
    losses = [0.9, 0.5, 0.5, 0.5, 0.1]
    world = World(monkeypatch, losses.__getitem__, patience=2, max_epochs=5)
    state = world.loop().run()
    assert state.epoch == 4 and state.convergence.best_epoch == 1 and len(world.kept.best) == 2


def test_epochs_before_the_first_do_not_count(monkeypatch):
    losses = [0.1, 0.2, 0.5, 0.6, 0.7]
    world = World(monkeypatch, losses.__getitem__, patience=2, max_epochs=5, first_epoch=2)
    state = world.loop().run()
    assert state.convergence.best == 0.5 and state.epoch == 5 and len(world.kept.best) == 1


def test_the_history_holds_every_epoch_and_no_time(monkeypatch):
    world = World(monkeypatch, max_epochs=2)
    state = world.loop().run()
    assert [row["epoch"] for row in state.history] == [0, 1]
    assert set(state.history[0]) == {
        "epoch", "train_loss", "validation_loss", "validation_ap", "validation_auc", "learning_rate"
    }
    assert state.history[0]["train_loss"] == 0.5
    assert [timing["bags"] for _, _, timing in world.epochs] == [7, 7]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_stop_leaves_a_checkpoint_from_which_all_goes_on(monkeypatch, stop, at):
    whole = World(monkeypatch, max_epochs=3)
    whole.loop().run()
    world = World(monkeypatch, max_epochs=3)
    count = iter(range(1, 99))
    world.gradient = lambda: os.kill(os.getpid(), stop) or 1.0 if next(count) == at else 1.0
    with pytest.raises(Interrupted, match=f"after step {at}; a checkpoint was written"):
        world.loop().run()
    state = world.loop().run(resume=True)
    assert world.windows == whole.windows
    assert state.to_json() == whole.kept.states[-1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # handlers are put back


def test_a_run_whose_epochs_are_over_only_loads_its_best_weights(monkeypatch):
    world = World(monkeypatch, max_epochs=1)
    world.loop().run()
    windows = list(world.windows)
    assert world.loop().run(resume=True).finished
    assert world.windows == windows and world.kept.loaded == 2


def test_a_long_epoch_is_checkpointed_within(monkeypatch):
    world = World(monkeypatch, max_epochs=1, checkpoint_seconds=-1.0)
    world.loop().run()
    states = [State.from_json(text) for text in world.kept.states]
    assert [(state.epoch, state.window) for state in states] == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 0)]
    assert len(states[1].losses) == 6


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_or_gradient_that_is_not_finite_stops_before_the_update(monkeypatch, what, value):
    world = World(monkeypatch)
    count = iter(range(1, 99))
    setattr(world, what, lambda: value if next(count) == 5 else 0.5)
    with pytest.raises(NonFiniteError, match=r"it was at step 4, it is not at step 5 \(epoch 1\).*last checkpoint is"):
        world.loop().run()
    assert np.isfinite(world.variable.numpy())
    assert State.from_json(world.kept.states[-1]).step == 3


def test_a_validation_loss_that_is_not_finite_stops(monkeypatch):
    world = World(monkeypatch, [0.5, np.nan].__getitem__)
    with pytest.raises(NonFiniteError, match="the validation loss is not finite: it was at step 3, it is not at step 6"):
        world.loop().run()
    assert State.from_json(world.kept.states[-1]).epoch == 1


@pytest.mark.parametrize("name, value", [("max_epochs", 0), ("patience", 0), ("min_delta", -1e-4)])
def test_a_plan_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError, match=f"Expected `{name}` of at least .*Received: {name}={value}"):
        Plan(**{"max_epochs": 1, "patience": 1, "min_delta": 0.0, "seed": 0, name: value})
