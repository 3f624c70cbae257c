"""Selection in one pass as a learning signal: the same forward pass ranks a bag's instances and learns.

That pass is in training mode, but where `MixedNorm` sets what normalises.

lerousseau2020, section 3.1: a sample of a bag's instances is one batch; its probabilities make the proxy labels, and
the error of those that have one is propagated back. A bag is an optimizer step.
"""

import numpy as np
import tensorflow as tf

from mil_tf.data import generator
from mil_tf.models.head import logits_model
from mil_tf.training.scoring import Portions
from mil_tf.training.select_then_batch import WindowResult

SAMPLE_STREAM = 5  # beside the streams of mil_tf.data and mil_tf.training.choosers


class Sampled:
    """Draws instances of a bag at random, as many of every bag.

    Without replacement, and where a bag has fewer, all of them and the rest with it (our decision: the paper says
    "randomly sampled", the released code always replaces), so that floor(n alpha) is the same for every slide.

    Args:
        count: instances a bag and epoch, at least 1.
        seed: of the run.
    """

    def __init__(self, count, seed):
        self.count, self._seed = count, seed

    def __call__(self, total, position, epoch):
        """Indices int64 (count,) among `total` instances; a function of seed, epoch and bag alone."""
        rng = generator(self._seed, SAMPLE_STREAM, epoch, position)
        first = rng.permutation(total)[: self.count]
        return np.concatenate([first, rng.integers(0, total, self.count - len(first))])


class OnePass:
    """Loss and gradient of a window of bags, a sample of instances of each.

    A sample that is more than `in_memory` goes through in portions, twice: once to rank all of it, once more, the same
    portions, to learn. Without `norm` batch normalisation then takes a portion's statistics; all else is what one
    pass computes. The moving averages move once.

    Args:
        model: Keras model with a layer "logits" before its softmax, (n, h, w, c) -> (n, 2).
        draw: `Sampled`, or another function (number of instances, position, epoch) -> indices with a `count`.
        select: function (probabilities (m, 2), label, source_index (m,)) -> `mil_tf.selection.Selection`.
        loss: function (targets (m, 2), logits (m, 2)) -> (m,).
        in_memory: instances a pass; 0 is the whole sample, halved when memory runs out.
        augment: function (images (m, h, w, c), epoch, keys int64 (m, 2)) -> float32 images, or None; a key is the bag's
            position in the source and the instance's place in the sample.
        loss_scale: the loss is multiplied by it before the gradient is taken, which is divided by it again.
        norm: `mil_tf.training.mixed_norm.MixedNorm`, whose averages then normalise; None: the sample's own statistics
            do (the paper), or those of a portion of it.

    Raises:
        ValueError: where `in_memory` is below 0.
    """

    def __init__(self, model, draw, select, loss, in_memory=0, augment=None, loss_scale=1.0, norm=None):
        if in_memory < 0:
            raise ValueError(f"Expected `patches_in_memory` of at least 0. Received: {in_memory}")
        self.portions = Portions(in_memory or draw.count, 1, 1, "patches_in_memory")
        self._draw, self._select, self._augment = draw, select, augment
        self._loss, self._loss_scale, self._norm = loss, loss_scale, norm
        self._network = logits_model(model)
        self.variables = model.trainable_variables
        self._kept = model.non_trainable_variables
        self._sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.variables]
        self._graphs = {}

    def __call__(self, source, window, epoch):
        """Returns the WindowResult of the bags at positions `window` of `source`; the mean is over bags."""
        if self._norm:
            self._norm(epoch)
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        share = np.float32(1 / len(window))
        losses = [self._of_bag(source, int(position), epoch, share) for position in window]
        return WindowResult(np.array(losses, np.float32), [tf.convert_to_tensor(total) for total in self._sums])

    def _of_bag(self, source, position, epoch, share):
        drawn = self._draw(int(source.counts[position]), position, epoch)
        images = self._prepared(source.take(position, drawn), epoch, position)
        label, places = source.labels[position], source.source_index(position)[drawn]
        held = (*self._kept, *self._sums)
        before = [tf.convert_to_tensor(value) for value in held]

        def attempt(size):
            _put_back(held, before)  # a pass that ran out of memory may have moved some
            if size >= len(images):
                return self._graphs_of(images.shape)[0](images, label, places, share)
            return self._parted(images, label, places, share, size, (self._kept, before[: len(self._kept)]))

        return float(self.portions.tried(source.instance_shape, attempt))

    def _prepared(self, images, epoch, position):
        if self._augment is None:
            return tf.cast(images, tf.float32)
        return self._augment(images, epoch, np.array([(position, place) for place in range(len(images))], np.int64))

    def _parted(self, images, label, places, share, size, kept):
        _, rank, learn = self._graphs_of(images.shape)
        parts = [slice(start, start + size) for start in range(0, len(images), size)]
        probabilities = np.concatenate([rank(images[part]).numpy() for part in parts])
        _put_back(*kept)
        targets, weights = self._proxies(probabilities, label, places)
        return sum(learn(images[part], targets[part], weights[part], share).numpy() for part in parts)

    def _proxies(self, probabilities, label, places):
        """Targets (m, 2) and weights (m,) of a whole sample; weights of those without a proxy label are 0."""
        chosen = self._select(probabilities, label, places)
        targets, weights = np.zeros((len(places), 2), np.float32), np.zeros(len(places), np.float32)
        targets[chosen.indices], weights[chosen.indices] = chosen.targets, chosen.weights
        return targets, weights

    def _graphs_of(self, shape):
        """(one pass, ranking, learning), for every number of instances of a shape."""
        key = tuple(shape[1:])
        if key not in self._graphs:
            images, share = tf.TensorSpec([None, *key]), tf.TensorSpec([])
            bag = [images, tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.int64), share]
            told = [images, tf.TensorSpec([None, 2]), tf.TensorSpec([None]), share]
            self._graphs[key] = (
                tf.function(self._whole, input_signature=bag), tf.function(self._rank, input_signature=[images]),
                tf.function(self._learn, input_signature=told),
            )
        return self._graphs[key]

    def _rank(self, images):
        return tf.nn.softmax(self._network(images, training=not self._norm))

    def _whole(self, images, label, places, share):
        def proxies(logits):
            given = [tf.nn.softmax(logits), label, places]
            targets, weights = tf.numpy_function(self._proxies, given, [tf.float32, tf.float32])
            return tf.ensure_shape(targets, [None, 2]), tf.ensure_shape(weights, [None])

        return self._accumulate(images, proxies, share)

    def _learn(self, images, targets, weights, share):
        return self._accumulate(images, lambda logits: (targets, weights), share)

    def _accumulate(self, images, proxies, share):
        with tf.GradientTape() as tape:
            logits = self._network(images, training=not self._norm)
            targets, weights = proxies(tf.stop_gradient(logits))
            loss = tf.reduce_sum(tf.cast(self._loss(targets, logits), tf.float32) * weights)
            scaled = loss * share * self._loss_scale
        for total, gradient in zip(self._sums, tape.gradient(scaled, self.variables)):
            if gradient is not None:
                total.assign_add(gradient / self._loss_scale)
        return loss


def _put_back(variables, values):
    for variable, value in zip(variables, values):
        variable.assign(value)
