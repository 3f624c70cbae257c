"""The loop: next window of bags -> loss and gradients -> apply, until the validation bags show no improvement.

It knows no paper. A signal turns a window of bags into losses and gradients; which signal an epoch uses is the
recipe's affair (`signal_of(epoch)`).
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mil_tf import data, registry
from mil_tf.training.convergence import Convergence
from mil_tf.training.interrupt import Interrupted, interruption
from mil_tf.training.state import State
from mil_tf.training.validation import validate


class NonFiniteError(RuntimeError):
    """A loss or gradient stopped being a number; the message names the steps between which it appeared."""


def _not_finite(what, before, step, epoch):
    return NonFiniteError(
        f"{what} is not finite: it was at step {before}, it is not at step {step} (epoch {epoch}); lower the learning "
        "rate (with precision=mixed_float16 the loss_scale) or check the data with `python -m tfrecords verify`; the "
        "last checkpoint is intact"
    )


@dataclasses.dataclass
class Plan:
    """How long and in what portions to train.

    max_epochs: an upper bound. patience, min_delta: convergence.
    seed: of the order of bags. first_epoch: the first epoch whose validation loss counts for convergence and for the
    best weights. checkpoint_seconds: longest time without a checkpoint. monitor: what is to become small, one of
    the epoch's metrics, such as `mil_tf.training.validation.validate` gives.

    Raises:
        ValueError: where a number is too small to train with.
    """

    max_epochs: int
    patience: int
    min_delta: float
    seed: int
    first_epoch: int = 0
    checkpoint_seconds: float = 600.0
    monitor: str = "validation_loss"

    def __post_init__(self):
        for name, least in (("max_epochs", 1), ("patience", 1), ("min_delta", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"Expected `{name}` of at least {least}. Received: {name}={getattr(self, name)}")


class Loop:
    """Trains one model.

    Args:
        plan: a Plan.
        train, validation: sources of `mil_tf.data`.
        signal_of: epoch -> the signal of that epoch, a function (source, window, epoch) -> WindowResult.
        window_of: epoch -> bags an optimizer step.
        optimizer: Keras optimizer; it is built here.
        variables: what the gradients belong to.
        search: of `mil_tf.training.search`, for the validation.
        checkpoints: object with save(state) and restore().
        best: object with save() and load().
        observers: objects with epoch(state, metrics, timing), called after every epoch.
        learning_rate: epoch -> rate.
        reads_ahead: epoch -> whether the next window's bags are read while a window learns; worth it where a signal
            takes few instances of a bag at first sight, and thus does not read ahead by itself.
        agreed: function of "was a stop requested" -> the same question to all workers; see `mil_tf.training.crew`.
        measure: (validation source, search) -> metrics of the epoch, "validation_loss" among them; None is
            `mil_tf.training.validation.validate`.
    """

    def __init__(
        self, plan, train, validation, signal_of, window_of, optimizer, variables, search, checkpoints, best,
        observers=(),
        learning_rate: Callable[[int], float] | None = None, agreed=lambda stop_requested: stop_requested,
        reads_ahead: Callable[[int], bool] = lambda epoch: False, measure: Callable | None = None,
    ):
        self.plan, self.train, self.validation = plan, train, validation
        self.search, self.checkpoints, self.best = search, checkpoints, best
        self._signal_of, self._window_of = signal_of, window_of
        self._observers, self._learning_rate, self._agreed = observers, learning_rate, agreed
        self._reads_ahead, self._measure = reads_ahead, measure or validate
        self._optimizer, self._variables = optimizer, variables
        self._apply = tf.function(self._apply_gradients)
        registry.create_slots(optimizer, variables)

    def run(self, resume=False):
        """Trains to convergence, loads the best weights and returns the final State.

        Args:
            resume: continue from the newest checkpoint.

        Raises:
            NonFiniteError: a loss or gradient is NaN or infinite.
            Interrupted: SIGINT or SIGTERM came; a checkpoint was written.
        """
        plan = self.plan
        state = self.checkpoints.restore() if resume else State(Convergence(plan.patience, plan.min_delta))
        with interruption() as stop_requested:
            stop_requested = self._agreed(stop_requested)
            while not self._done(state):
                self._epoch(state, stop_requested)
        state.finished = True
        self.checkpoints.save(state)
        self.best.load()
        return state

    def _done(self, state):
        return state.epoch >= self.plan.max_epochs or state.convergence.converged

    def _epoch(self, state, stop_requested):
        started, trained = time.monotonic(), len(state.losses)
        if self._learning_rate:
            self._optimizer.learning_rate.assign(self._learning_rate(state.epoch))
        order = data.epoch_order(len(self.train), self.plan.seed, state.epoch)
        windows = data.windows(order, self._window_of(state.epoch))
        saved = time.monotonic()
        for window in self._in_turn(windows[state.window :], state.epoch):
            self._step(state, window)
            if stop_requested():
                self._leave(state)
            if time.monotonic() - saved > self.plan.checkpoint_seconds:
                self.checkpoints.save(state)
                saved = time.monotonic()
        seconds = time.monotonic() - started
        self._close_epoch(state, {"train_seconds": seconds, "bags": len(state.losses) - trained})
        if stop_requested():
            self._leave(state)

    def _in_turn(self, windows, epoch):
        return data.reading_ahead(self.train, windows) if self._reads_ahead(epoch) else windows

    def _step(self, state, window):
        result = self._signal_of(state.epoch)(self.train, window, state.epoch)
        norm = self._apply(result.gradients) if np.isfinite(result.losses).all() else np.nan
        if not np.isfinite(norm):
            raise _not_finite("the loss or its gradient", state.step, state.step + 1, state.epoch)
        state.losses.extend(float(loss) for loss in result.losses)
        state.step += 1
        state.window += 1

    def _apply_gradients(self, gradients):
        norm = tf.linalg.global_norm(gradients)
        if tf.math.is_finite(norm):
            self._optimizer.apply_gradients(zip(gradients, self._variables))
        return norm

    def _close_epoch(self, state, timing):
        started = time.monotonic()
        metrics = {"train_loss": float(np.mean(state.losses)), **self._measure(self.validation, self.search)}
        if not np.isfinite(metrics["validation_loss"]):
            before = state.step - state.window
            raise _not_finite("the validation loss", before, state.step, state.epoch)
        rate = float(self._optimizer.learning_rate.numpy())
        state.history.append({"epoch": state.epoch, **metrics, "learning_rate": rate})
        timing["validation_seconds"] = time.monotonic() - started
        if state.epoch >= self.plan.first_epoch and state.convergence.update(metrics[self.plan.monitor], state.epoch):
            self.best.save()
        for observer in self._observers:
            observer.epoch(state, metrics, timing)
        state.epoch, state.window, state.losses = state.epoch + 1, 0, []
        self.checkpoints.save(state)

    def _leave(self, state):
        self.checkpoints.save(state)
        raise Interrupted(f"stopped in epoch {state.epoch} after step {state.step}; a checkpoint was written")
