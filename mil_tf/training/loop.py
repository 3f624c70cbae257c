"""The loop: next window of bags -> loss and gradients -> apply, until the validation loss has converged.

It knows no paper. A signal turns a window of bags into losses and gradients; which signal an epoch uses is the
recipe's affair (`signal_of(epoch)`).
"""

import dataclasses
import time
from typing import Callable

import numpy as np
import tensorflow as tf

from mil_tf import data
from mil_tf.training.convergence import Convergence
from mil_tf.training.interrupt import Interrupted, interruption
from mil_tf.training.state import State
from mil_tf.training.validation import validate


class NonFiniteError(RuntimeError):
    """A loss or gradient stopped being a number; the message names the steps between which it appeared."""


@dataclasses.dataclass
class Plan:
    """How long and in what portions to train.

    window: bags an optimizer step (remedios2020: 128). max_epochs: an upper bound. patience, min_delta: convergence.
    seed: of the order of bags. first_epoch: the first epoch whose validation loss counts for convergence and for the
    best weights. checkpoint_seconds: longest time without a checkpoint.
    """

    window: int
    max_epochs: int
    patience: int
    min_delta: float
    seed: int
    first_epoch: int = 0
    checkpoint_seconds: float = 600.0


class Loop:
    """Trains one model.

    Args:
        plan: a Plan.
        train, validation: sources of `mil_tf.data`.
        signal_of: epoch -> the signal of that epoch, a function (source, window, epoch) -> WindowResult.
        optimizer: Keras optimizer; it is built here.
        variables: what the gradients belong to.
        scorer: `Scorer` for the validation.
        checkpoints: object with save(state) and restore().
        best: object with save() and load().
        observers: objects with epoch(state, metrics, timing), called after every epoch.
        learning_rate: epoch -> rate.
    """

    def __init__(
        self, plan, train, validation, signal_of, optimizer, variables, scorer, checkpoints, best, observers=(),
        learning_rate: Callable[[int], float] | None = None,
    ):
        self.plan, self.train, self.validation = plan, train, validation
        self.scorer, self.checkpoints, self.best = scorer, checkpoints, best
        self._signal_of, self._observers, self._learning_rate = signal_of, observers, learning_rate
        self._optimizer, self._variables = optimizer, variables
        self._apply = tf.function(self._apply_gradients)
        if hasattr(optimizer, "build"):
            optimizer.build(variables)

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
        windows = data.windows(order, self.plan.window)
        saved = time.monotonic()
        for window in windows[state.window :]:
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

    def _step(self, state, window):
        result = self._signal_of(state.epoch)(self.train, window, state.epoch)
        norm = self._apply(result.gradients) if np.isfinite(result.losses).all() else np.nan
        if not np.isfinite(norm):
            raise NonFiniteError(
                f"the loss or its gradient is not finite: it was at step {state.step}, it is not at step "
                f"{state.step + 1} (epoch {state.epoch}); lower the learning rate or check the data with "
                "`python -m tfrecords verify`; the last checkpoint is intact"
            )
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
        metrics = {"train_loss": float(np.mean(state.losses)), **validate(self.validation, self.scorer)}
        rate = float(self._optimizer.learning_rate.numpy())
        state.history.append({"epoch": state.epoch, **metrics, "learning_rate": rate})
        timing["validation_seconds"] = time.monotonic() - started
        if state.epoch >= self.plan.first_epoch and state.convergence.update(metrics["validation_loss"], state.epoch):
            self.best.save()
        for observer in self._observers:
            observer.epoch(state, metrics, timing)
        state.epoch, state.window, state.losses = state.epoch + 1, 0, []
        self.checkpoints.save(state)

    def _leave(self, state):
        self.checkpoints.save(state)
        raise Interrupted(f"stopped in epoch {state.epoch} after step {state.step}; a checkpoint was written")
