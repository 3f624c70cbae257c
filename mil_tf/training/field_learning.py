"""Whole fields as a learning signal: every field of a window takes part, in micro-batches (kraus2016, section 4.3).

The network has no batch normalisation, so that a field's loss does not depend on who is beside it: the gradients of
micro-batches add up to the whole batch's. The baseline learns from windows around cells in place of the fields.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import READERS, generator
from mil_tf.field_augment import common
from mil_tf.field_cells import around, centres
from mil_tf.training.scoring import MICRO_PIXELS, Portions
from mil_tf.training.select_then_batch import WindowResult

CELL_STREAM = 7  # beside the streams of mil_tf.data and mil_tf.training
MOST = 256  # images a gradient pass at most (our decision)


class Batch(NamedTuple):
    """images: (m, h, w, c). owner: int64 (m,), which bag of the window each is of."""

    images: np.ndarray
    owner: np.ndarray


class Whole:
    """Takes fields as they are, augmented.

    Args:
        augment: a `mil_tf.field_augment.FieldAugmentation`.
    """

    def __init__(self, augment):
        self._augment = augment

    def __call__(self, source, window, epoch):
        """Returns the Batch of the bags at positions `window` of `source`."""
        return Batch(self._augment(_read(source, window), epoch, window), np.arange(len(window)))


class Cells:
    """Takes windows around cells of fields, a random few of each.

    Args:
        size: pixels a side of a window.
        count: cells of a field a visit; of a field with fewer, all.
        augment: a `mil_tf.field_augment.FieldAugmentation` without a crop.
        seed: of the run.
    """

    def __init__(self, size, count, augment, seed):
        self._size, self._count, self._augment, self._seed = size, count, augment, seed

    def __call__(self, source, window, epoch):
        """Returns the Batch of cells of the bags at positions `window` of `source`; a bag without cells gives none."""
        images = _read(source, window)
        side = min(self._size, *common(images))
        found, owner, keys = [], [], []
        for place, (position, image) in enumerate(zip(window, images)):
            drawn, points = self._drawn(source, int(position), epoch)
            found.extend(around(image, points[drawn], side))
            owner.extend([place] * len(drawn))
            keys.extend((position, cell) for cell in drawn)
        if not found:
            return Batch(np.zeros((0, side, side, images[0].shape[-1]), images[0].dtype), np.zeros(0, np.int64))
        return Batch(self._augment(found, epoch, keys), np.array(owner, np.int64))

    def _drawn(self, source, position, epoch):
        points, _ = centres(source.fields(position))
        order = generator(self._seed, CELL_STREAM, epoch, position).permutation(len(points))
        return order[: self._count], points


class FieldLearning:
    """Loss and gradient of a window of bags.

    Args:
        learner: Keras model, (n, h, w, c) -> what `loss` takes.
        gather: function (source, window, epoch) -> Batch.
        loss: function (targets float32 (m, k), the learner's output) -> (m,).
        micro_batch: images a gradient pass; 0 chooses it from their size.
        loss_scale: the loss is multiplied by it before the gradient is taken, which is divided by it again.

    Raises:
        ValueError: where `micro_batch` is below 0.
    """

    def __init__(self, learner, gather, loss, micro_batch=0, loss_scale=1.0):
        self.portions = Portions(micro_batch, MICRO_PIXELS, MOST, "micro_batch")
        self._learner, self._gather, self._loss, self._loss_scale = learner, gather, loss, loss_scale
        self.variables = learner.trainable_variables
        self._kept = learner.non_trainable_variables
        self._sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.variables]
        self._graphs = {}

    def __call__(self, source, window, epoch):
        """Returns the WindowResult of the bags at positions `window` of `source`.

        The mean is over the bags that gave an image; the loss of a bag that gave none is 0.
        """
        images, owner = self._gather(source, window, epoch)
        counts = np.bincount(owner, minlength=len(window))
        targets = source.labels[window][owner].astype(np.float32)
        weights = 1 / np.maximum(counts, 1)[owner]
        shares = (weights / max(np.count_nonzero(counts), 1)).astype(np.float32)
        before = [tf.convert_to_tensor(value) for value in self._kept]

        def attempt(size):
            for value, old in zip(self._kept, before):  # a pass that ran out of memory has counted on dropout
                value.assign(old)
            return self._passes(images, targets, shares, size)

        found = self.portions.tried(images.shape[1:], attempt)
        losses = np.bincount(owner, found * weights, len(window)).astype(np.float32)
        return WindowResult(losses, [tf.convert_to_tensor(total) for total in self._sums])

    def _passes(self, images, targets, shares, size):
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        parts = [slice(start, start + size) for start in range(0, len(images), size)]
        graph = self._graph(images)
        found = [graph(images[part], targets[part], shares[part]).numpy() for part in parts]
        return np.concatenate([np.zeros(0, np.float32), *found])

    def _graph(self, images):
        """One graph for images of every number and size."""
        key = images.dtype.name, images.shape[-1]
        if key not in self._graphs:
            spec = [
                tf.TensorSpec([None, None, None, images.shape[-1]], images.dtype), tf.TensorSpec([None, None]),
                tf.TensorSpec([None]),
            ]
            self._graphs[key] = tf.function(self._accumulate, input_signature=spec)
        return self._graphs[key]

    def _accumulate(self, images, targets, shares):
        with tf.GradientTape() as tape:
            found = self._learner(tf.cast(images, tf.float32), training=True)
            losses = tf.cast(self._loss(targets, found), tf.float32)
            total = tf.reduce_sum(losses * shares) * self._loss_scale
        for sums, gradient in zip(self._sums, tape.gradient(total, self.variables)):
            sums.assign_add(gradient / self._loss_scale)
        return losses


def _read(source, window):
    """The fields of a window, several threads reading."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(source.image, [int(position) for position in window]))
