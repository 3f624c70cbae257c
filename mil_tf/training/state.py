"""Where a run stands, between any two windows, and its checkpoint on disk.

Everything random is a function of the seed and of these numbers, so weights, optimizer slots and this state are all
that a run needs to go on bit for bit where it was killed.
"""

import dataclasses
import json
from pathlib import Path

import tensorflow as tf

from mil_tf.training.convergence import Convergence


@dataclasses.dataclass
class State:
    """Attributes: epoch and window come next; losses: of the epoch's bags so far; history: a dict a finished epoch."""

    convergence: Convergence
    epoch: int = 0
    window: int = 0
    step: int = 0
    losses: list = dataclasses.field(default_factory=list)
    history: list = dataclasses.field(default_factory=list)
    finished: bool = False

    def to_json(self):
        """The state as text; floats keep every bit."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """The state of `to_json`."""
        values = json.loads(text)
        return cls(**{**values, "convergence": Convergence(**values["convergence"])})


class Checkpoints:
    """`tf.train.CheckpointManager` over weights, optimizer and State.

    Args:
        folder: where they are written; the newest two are kept.
        model, optimizer: what is saved beside the state.
        more: other variables to save, by name.
    """

    def __init__(self, folder, model, optimizer, **more):
        self._text = tf.Variable("", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, state=self._text, **more)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)

    @staticmethod
    def exist(folder):
        """Whether a run can be resumed from this folder."""
        return tf.train.latest_checkpoint(str(folder)) is not None

    def save(self, state):
        """Writes a checkpoint; the newest becomes valid only when it is whole."""
        self._text.assign(state.to_json())
        self._manager.save()

    def restore(self):
        """Restores the newest checkpoint into model and optimizer and returns its State."""
        self._checkpoint.restore(self._manager.latest_checkpoint).assert_existing_objects_matched()
        return State.from_json(self._text.numpy().decode())


class BestWeights:
    """The weights of the best validation loss, one file replaced as a whole.

    Args:
        path: the file, ending in `.weights.h5`.
        model: the Keras model.
    """

    def __init__(self, path, model):
        self._path, self._model = Path(path), model

    def save(self):
        """Writes the model's weights."""
        part = self._path.with_name("writing-" + self._path.name)
        self._model.save_weights(part)
        part.replace(self._path)

    def load(self):
        """Loads them into the model."""
        self._model.load_weights(self._path)
