"""Selection as a learning signal: score a window of bags without gradients, then differentiate what was selected.

Weights do not change inside an accumulation window, so the selected instances of all its bags can be found first and
differentiated afterwards in dense micro-batches. The gradient is the one of the literal loop (one tape a bag over all
its slices, mean over the window), because every instance that is not selected has weight zero in it.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import taken
from mil_tf.models.head import logits_model
from mil_tf.training.scoring import MICRO_PIXELS, Portions


class WindowResult(NamedTuple):
    """losses: float32 (bags,), of each bag before the update. gradients: one tensor a trainable variable."""

    losses: np.ndarray
    gradients: list


class SelectThenBatch:
    """Loss and gradient of a window of bags.

    With batch normalisation, scoring uses the moving averages. The gradient pass uses the statistics of its
    micro-batch, whose moving averages follow, while `training` is True; with False it uses the moving averages too, so
    that what is differentiated is what was scored. Selected instances are no sample of all instances (they are the
    brightest of each bag), so averages that follow them no longer fit the slices that are scored: see
    `mil_tf.recipes.remedios2020` for when which is used. With group or no normalisation both passes compute the same.

    Args:
        model: Keras model with a layer "logits" before its softmax, (n, h, w, c) -> (n, classes).
        choose: function (source, window, epoch) -> one Selection a bag; see `mil_tf.training.choosers`.
        loss: function (targets (m, classes), logits (m, classes)) -> (m,).
        micro_batch: instances a gradient pass; 0 chooses it from the instances' size.
        augment: function (images float32 (m, h, w, c), epoch, keys int64 (m, 2)) -> images, or None; a key is the
            bag's position in the source and the instance's place in its selection.
        training: mode of the gradient pass; False also turns dropout off.
        loss_scale: the loss is multiplied by it before the gradient is taken, which is divided by it again.

    Raises:
        ValueError: where `micro_batch` is below 0.
    """

    def __init__(self, model, choose, loss, micro_batch=0, augment=None, training=True, loss_scale=1.0):
        self.portions = Portions(micro_batch, MICRO_PIXELS, 128, "micro_batch")
        self._choose, self._augment, self._training = choose, augment, training
        self._loss_scale = loss_scale
        self._network = logits_model(model)
        self.variables = model.trainable_variables
        self._kept = model.non_trainable_variables
        self._sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.variables]
        self._graphs = {}
        self._loss = loss

    def __call__(self, source, window, epoch):
        """Returns the WindowResult of the bags at positions `window` of `source`; the mean is over bags."""
        chosen = self._choose(source, window, epoch)
        images, targets, weights, owner = self._gather(source, window, chosen)
        keys = _keys(window, chosen)
        shares, before = weights / len(window), [tf.convert_to_tensor(value) for value in self._kept]

        def attempt(size):
            for value, old in zip(self._kept, before):  # a pass that ran out of memory may have moved some averages
                value.assign(old)
            return self._passes(images, targets, shares, keys, epoch, size)

        found = self.portions.tried(source.instance_shape, attempt)
        losses = np.bincount(owner, found * weights, len(window)).astype(np.float32)
        return WindowResult(losses, [tf.convert_to_tensor(total) for total in self._sums])

    def _passes(self, images, targets, shares, keys, epoch, size):
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        found = []
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            batch = self._prepared(images[part], epoch, keys[part])
            found.append(self._graph(batch.shape)(batch, targets[part], shares[part]).numpy())
        return np.concatenate(found)

    def _graph(self, shape):
        """One graph for every number of instances of a shape."""
        if shape[1:] not in self._graphs:
            count = [None]
            spec = [tf.TensorSpec(count + list(shape[1:])), tf.TensorSpec([None, None]), tf.TensorSpec(count)]
            self._graphs[shape[1:]] = tf.function(self._accumulate, input_signature=spec)
        return self._graphs[shape[1:]]

    def _gather(self, source, window, chosen):
        images = taken(source, [int(p) for p in window], [s.indices for s in chosen])
        owner = np.repeat(np.arange(len(window)), [len(s.indices) for s in chosen])
        targets = np.concatenate([s.targets for s in chosen])
        return images, targets, np.concatenate([s.weights for s in chosen]), owner

    def _prepared(self, images, epoch, keys):
        images = tf.cast(images, tf.float32)
        return self._augment(images, epoch, keys) if self._augment else images

    def _accumulate(self, images, targets, weights):
        with tf.GradientTape() as tape:
            losses = tf.cast(self._loss(targets, self._network(images, training=self._training)), tf.float32)
            total = tf.reduce_sum(losses * weights) * self._loss_scale
        for sums, gradient in zip(self._sums, tape.gradient(total, self.variables)):
            if gradient is not None:
                sums.assign_add(gradient / self._loss_scale)
        return losses


def _keys(window, chosen):
    return np.array([(bag, place) for bag, s in zip(window, chosen) for place in range(len(s.indices))], np.int64)
