"""Windows and validation shared out over the replicas of a crew.

Weights do not change inside a window, so each replica searches and differentiates its own bags as if it were alone, in
as many passes as they need, and one sum over all replicas makes the window's gradient. A replica is a plain network of
its own and not a copy of mirrored variables: shares may be ragged, any optimizer and normalisation does what it does
on one device, and a checkpoint of the chief's network is the whole run's, on whatever devices it goes on.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf import runs
from mil_tf.models.dropout import CountedDropout
from mil_tf.selection import top_position
from mil_tf.training.search import Found
from mil_tf.training.select_then_batch import WindowResult


class Replica(NamedTuple):
    """model: Keras model. scorer, search, signal_of: its `Scorer`, its search, and epoch -> signal.
    kept: variables that a checkpoint holds beside the weights, by name.
    """

    model: object
    scorer: object
    search: object
    signal_of: object
    kept: dict = {}


class Replicas:
    """The replicas of this process: the first leads, the others copy its weights when they have changed.

    Args:
        crew: a Crew.
        build: () -> Replica; called for every device of this process.
    """

    def __init__(self, crew, build):
        self.crew, self._made = crew, []
        for number, device in zip(crew.numbers, crew.devices):
            with tf.device(device):
                self._made.append(build())
            _reseed(self._made[-1].model, number)
        self._copy = tf.function(self._assign)

    @property
    def leader(self):
        """The Replica whose weights are the run's."""
        return self._made[0]

    def __getitem__(self, i):
        return self._made[i]

    def refresh(self):
        """Gives the others the leader's weights."""
        if len(self._made) > 1:
            self._copy()

    def _assign(self):
        for other in self._made[1:]:
            for source, target in zip(self.leader.model.weights, other.model.weights):
                target.assign(tf.convert_to_tensor(source))


def share_out(crew, build):
    """The Replica that learns: this device's, or one that shares its work out over a crew.

    Args:
        crew: of the replicas.
        build: () -> Replica, on the device at hand.
    """
    if crew.replicas == 1:
        return build()
    replicas = Replicas(crew, build)
    signal = SharedSignal(replicas)
    return replicas.leader._replace(search=SharedSearch(replicas), signal_of=lambda epoch: signal)


class SharedSearch:
    """A search over all replicas; it finds one candidate a bag, the top slice, scored exactly.

    Args:
        replicas: Replicas.
    """

    def __init__(self, replicas):
        self._replicas, self._crew = replicas, replicas.crew

    def __call__(self, source, positions, settled=True):
        """Returns one Found a bag."""
        self._replicas.refresh()
        positions = np.asarray(positions)
        parts = shares(source.counts[positions], self._crew.replicas)
        found = self._crew.total(
            lambda i: self._part(i, source, positions, parts[self._crew.numbers[i]]), 3 * len(positions)
        )
        rows = found.numpy().reshape(-1, 3)
        tops = [np.array([int(row[0])]) for row in rows]
        return [Found(top, row[None, 1:], top) for top, row in zip(tops, rows)]

    def _part(self, i, source, positions, part):
        rows = np.zeros((len(positions), 3), np.float32)
        found = self._replicas[i].search(source, positions[part], settled=True)
        for place, (indices, probabilities, _) in zip(part, found):
            top = top_position(probabilities[:, 1], source.source_index(int(positions[place]))[indices])
            rows[place] = indices[top], *probabilities[top]
        return rows.ravel()


class SharedSignal:
    """Loss and gradient of a window, each replica's share by its own signal.

    A share counts by its bags: the gradient is the mean over the window's. So do the changes of what is not trained,
    the moving averages of a batch normalisation: each replica's follow the statistics of its own micro-batches, and
    afterwards all take the mean over the replicas. Counters take the sum.

    Args:
        replicas: Replicas.
    """

    def __init__(self, replicas):
        self._replicas, self._crew = replicas, replicas.crew
        model = replicas.leader.model
        self._state = model.non_trainable_weights
        self._shapes = [tuple(v.shape) for v in (*model.trainable_variables, *self._state)]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]

    def __call__(self, source, window, epoch):
        """Returns the WindowResult of the bags at positions `window` of `source`."""
        self._replicas.refresh()
        window = np.asarray(window)
        before = [tf.convert_to_tensor(v) for v in self._state]
        parts = shares(source.counts[window], self._crew.replicas)
        summed = self._crew.total(
            lambda i: self._part(i, source, window, parts[self._crew.numbers[i]], epoch, before),
            len(window) + sum(self._sizes),
        )
        losses, *flat = tf.split(summed, [len(window), *self._sizes])
        tensors = [tf.reshape(each, shape) for each, shape in zip(flat, self._shapes)]
        trained = len(tensors) - len(before)
        for variable, old, change in zip(self._state, before, tensors[trained:]):
            variable.assign(old + tf.cast(change, old.dtype))
        return WindowResult(losses.numpy(), tensors[:trained])

    def _part(self, i, source, window, part, epoch, before):
        losses, share = np.zeros(len(window), np.float32), len(part) / len(window)
        if not len(part):
            return np.zeros(len(window) + sum(self._sizes), np.float32)
        replica = self._replicas[i]
        found = replica.signal_of(epoch)(source, window[part], epoch)
        losses[part] = found.losses
        changes = [_change(*each, share) for each in zip(before, replica.model.non_trainable_weights)]
        parts = [share * gradient for gradient in found.gradients] + changes
        return tf.concat([losses, *(tf.reshape(each, [-1]) for each in parts)], 0)


class SharedCheckpoints:
    """Checkpoints that the chief writes and every worker reads.

    Args:
        crew: a Crew.
        checkpoints: `Checkpoints` of the leader's model.
        model: that model.
    """

    def __init__(self, crew, checkpoints, model):
        self._crew, self._checkpoints, self._model = crew, checkpoints, model

    def save(self, state):
        """Writes a checkpoint, on the chief."""
        if self._crew.chief:
            self._checkpoints.save(state)

    def restore(self):
        """Restores the newest one everywhere. Raises StrategyError where the workers have read different ones."""
        state = self._checkpoints.restore()
        self._crew.agree("checkpoint (is --out one folder for all?)", runs.weights_digest(self._model))
        return state


class ChiefsBest:
    """Best weights that the chief writes, and alone goes on with.

    Args:
        crew: a Crew.
        best: `BestWeights`.
    """

    def __init__(self, crew, best):
        self._crew, self._best = crew, best

    def save(self):
        """Writes the weights, on the chief."""
        if self._crew.chief:
            self._best.save()

    def load(self):
        """Loads them, on the chief."""
        if self._crew.chief:
            self._best.load()


def shares(counts, replicas):
    """Shares bags out, so that each replica has as many bags and nearly as many instances as any other.

    Args:
        counts: instances of each bag, (n,).
        replicas: how many.

    Returns:
        list of int64 arrays, the places of each replica's bags in ascending order; some are empty where there are
        fewer bags than replicas.
    """
    ranked = np.argsort(-np.asarray(counts), kind="stable")
    turn, place = np.divmod(np.arange(len(ranked)), replicas)
    owner = np.where(turn % 2, replicas - 1 - place, place)  # there and back, so that none always gets the larger bag
    return [np.sort(ranked[owner == number]) for number in range(replicas)]


def _change(before, variable, share):
    after = tf.convert_to_tensor(variable)
    change = tf.cast(after - before, tf.float32)
    return share * change if after.dtype.is_floating else change


def _reseed(model, number):
    """Replicas drop different units; the first one those of a run on one device."""
    for layer in model.layers:
        if isinstance(layer, CountedDropout):
            layer.seed += number
