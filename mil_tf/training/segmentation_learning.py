"""Supervised steps of a segmenter (parida2021): all slices of a window, in micro-batches, each with its target."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import taken
from mil_tf.training.scoring import MICRO_PIXELS, Portions
from mil_tf.training.segmentation_losses import segmentation_loss
from mil_tf.training.segmentation_truth import truth
from mil_tf.training.select_then_batch import WindowResult

MOST = 256  # slices a gradient pass at most (our decision)


class Batch(NamedTuple):
    """images: (m, h, w, 1) in HU. targets: uint8 (m, h, w). regularised: bool (m,), whether Dice counts beside
    cross-entropy.
    """

    images: np.ndarray
    targets: np.ndarray
    regularised: np.ndarray


def slices(source, positions):
    """The slices of bags of one, (m, h, w, 1)."""
    return taken(source, [int(p) for p in positions], [[0]] * len(positions))


def pixel_batch(source, positions, classes, regularised):
    """The Batch of slices whose true masks are known."""
    masks = np.stack([truth(source, int(position), classes) for position in positions])
    return Batch(slices(source, positions), masks, np.full(len(positions), regularised))


class SegmentationLearning:
    """Loss and gradient of a Batch.

    Args:
        model: of `mil_tf.models.unet`.
        dice_weight: see `mil_tf.training.segmentation_losses.segmentation_loss`.
        micro_batch: slices a gradient pass; 0 chooses it from their size.
        loss_scale: the loss is multiplied by it before the gradient is taken, which is divided by it again.

    Raises:
        ValueError: where `micro_batch` is below 0.
    """

    def __init__(self, model, dice_weight, micro_batch=0, loss_scale=1.0):
        self.portions = Portions(micro_batch, MICRO_PIXELS, MOST, "micro_batch")
        self._model, self._dice, self._scale = model, dice_weight, loss_scale
        self._variables, self._kept = model.trainable_variables, model.non_trainable_variables
        self._sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._variables]
        self._graphs = {}

    def __call__(self, batch):
        """Returns the WindowResult of a Batch: the mean over its slices."""
        before = [tf.convert_to_tensor(value) for value in self._kept]

        def attempt(size):
            for value, old in zip(self._kept, before):  # a pass that ran out of memory has moved averages
                value.assign(old)
            return self._passes(batch, size)

        losses = self.portions.tried(batch.images.shape[1:], attempt)
        return WindowResult(losses, [tf.convert_to_tensor(total) for total in self._sums])

    def _passes(self, batch, size):
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        parts = [slice(start, start + size) for start in range(0, len(batch.images), size)]
        graph, share = self._graph(batch.images), np.float32(1 / len(batch.images))
        return np.concatenate([graph(*(each[part] for each in batch), share).numpy() for part in parts])

    def _graph(self, images):
        """One graph for every number of slices."""
        key = images.dtype.name, images.shape[1:]
        if key not in self._graphs:
            spec = [
                tf.TensorSpec([None, *images.shape[1:]], images.dtype),
                tf.TensorSpec([None, *images.shape[1:3]], tf.uint8), tf.TensorSpec([None], tf.bool), tf.TensorSpec([]),
            ]
            self._graphs[key] = tf.function(self._accumulate, input_signature=spec)
        return self._graphs[key]

    def _accumulate(self, images, targets, regularised, share):
        with tf.GradientTape() as tape:
            logits = self._model(tf.cast(images, tf.float32), training=True)["logits"]
            losses = segmentation_loss(targets, logits, regularised, self._dice)
            total = tf.reduce_sum(losses) * share * self._scale
        for sums, gradient in zip(self._sums, tape.gradient(total, self._variables)):
            sums.assign_add(gradient / self._scale)
        return losses
