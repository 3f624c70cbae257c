"""Batch normalisation by a sample of all slides, in place of the slide at hand.

In lerousseau2020 a batch is one slide, whose own statistics can tell the network which slide it sees: on a first draw
of phantoms it learned the slides' labels from them, whatever their tiles showed, and its maps came out inverted; on
the phantoms as they are now it does not (docs/REPRODUCTION.md). Here the averages are set from tiles of all training
slides before every epoch, and the gradient is taken with them as constants, so that what is learned from is scored.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

PORTION = 64  # tiles a pass; the averages are the mean over passes, each of tiles of many slides (our decision)


class MixedNorm:
    """Sets the moving averages of a model's batch normalisations once an epoch.

    Args:
        model: Keras model; nothing happens where it has none of these layers.
        tiles: () -> uint8 or float32 (m, h, w, 3), a mixture of all slides in any order that does not follow them.

    Attributes:
        done: variable, the epoch that was last begun, for the checkpoint: a run that goes on within an epoch has the
            averages of its beginning.
    """

    def __init__(self, model, tiles):
        self._model, self._tiles = model, tiles
        self._layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        self.done = tf.Variable(-1, trainable=False, dtype=tf.int64)

    def __call__(self, epoch):
        """Sets them, unless they are this epoch's."""
        if not self._layers or int(self.done) == epoch:
            return
        tiles = self._tiles()
        for turn, start in enumerate(range(0, len(tiles), PORTION)):
            with self._weighing(turn / (turn + 1)):
                self._model(tf.cast(tiles[start : start + PORTION], tf.float32), training=True)
        self.done.assign(epoch)

    @contextlib.contextmanager
    def _weighing(self, momentum):
        """The share that the averages so far have in the next ones."""
        before = [layer.momentum for layer in self._layers]
        try:
            for layer in self._layers:
                layer.momentum = momentum
            yield
        finally:
            for layer, value in zip(self._layers, before):
                layer.momentum = value


def mixture(source, count, rng):
    """Some tiles of a source in random order, evenly taken from all its bags, (m, h, w, c).

    Args:
        source: a source of `mil_tf.data`.
        count: tiles; all where there are fewer.
        rng: numpy Generator.
    """
    found = np.concatenate([source.take(bag, indices) for bag, indices in evenly(source.counts, count)])
    return found[rng.permutation(len(found))]


def evenly(counts, count):
    """[(bag, indices)]: every so many-th of all instances, `count` of them or all.

    Args:
        counts: int (b,), of each bag's instances.
    """
    ends = np.cumsum(counts)
    chosen = np.unique(np.linspace(0, ends[-1] - 1, count).astype(int))
    bags = np.searchsorted(ends, chosen, side="right")
    return [(int(bag), chosen[bags == bag] - (ends - counts)[bag]) for bag in np.unique(bags)]
