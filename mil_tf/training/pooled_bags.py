"""Pooling as a learning signal: every instance of a window's bags takes part in the gradient."""

import keras
import numpy as np
import tensorflow as tf

from mil_tf.data import taken
from mil_tf.training.scoring import MICRO_PIXELS, fitting
from mil_tf.training.select_then_batch import WindowResult


class PooledBags:
    """Loss and gradient of a window of bags: the mean over them of the cross-entropy of a bag's probability.

    Args:
        model: of `mil_tf.models.pooled`.
        decay: coupled L2 decay, as of PyTorch's Adam: `decay` times the weights is added to the gradient. (Keras' own
            `weight_decay` is decoupled, and another method.)
        micro_batch: instances a pass, whole bags, at least one; 0 chooses it from the instances' size.
        augment: as of `mil_tf.augment`, or None; a key is the bag's position in the source and the instance's in it.

    Raises:
        ValueError: where `decay` or `micro_batch` is below 0.
    """

    def __init__(self, model, decay=0.0, micro_batch=0, augment=None):
        for name, value in (("decay", decay), ("micro_batch", micro_batch)):
            if value < 0:
                raise ValueError(f"Expected `{name}` of 0 or above. Received: {name}={value}")
        self._model, self._decay, self._micro_batch, self._augment = model, decay, micro_batch, augment
        self.variables = model.trainable_variables
        self._graphs = {}

    def __call__(self, source, window, epoch):
        """Returns the WindowResult of the bags at positions `window` of `source`; the mean is over bags."""
        losses, gradients = [], None
        for part in portions(source, window, self._micro_batch):
            images, mask = padded(source, part, self._augmented(part, epoch))
            labels, share = source.labels[part, 0].astype(np.float32), np.float32(1 / len(window))
            decay = np.float32(self._decay if gradients is None else 0)
            found, own = self._graph(images.shape[2:])(images, mask, labels, share, decay)
            losses.append(found.numpy())
            gradients = own if gradients is None else [one + other for one, other in zip(gradients, own)]
        return WindowResult(np.concatenate(losses), gradients)

    def _augmented(self, part, epoch):
        if self._augment is None:
            return None
        return lambda images, counts: self._augment(images, epoch, _keys(part, counts)).numpy()

    def _graph(self, shape):
        """One graph for every number of bags and instances of a shape."""
        if shape not in self._graphs:
            several = [None, None]
            batch = tf.TensorSpec([*several, *shape]), tf.TensorSpec(several, tf.bool)
            spec = [*batch, tf.TensorSpec([None]), tf.TensorSpec([]), tf.TensorSpec([])]
            self._graphs[shape] = tf.function(self._passed, input_signature=spec)
        return self._graphs[shape]

    def _passed(self, images, mask, labels, share, decay):
        with tf.GradientTape() as tape:
            found = self._model([images, mask], training=True)["probability"]
            losses = keras.losses.binary_crossentropy(labels[:, None], found[:, None])
            whole = tf.reduce_sum(losses) * share
        gradients = tape.gradient(whole, self.variables, unconnected_gradients="zero")
        return losses, [one + decay * variable for one, variable in zip(gradients, self.variables)]


class PooledScorer:
    """What a model of `mil_tf.models.pooled` says of bags, inference mode.

    Args:
        model: the model.
        micro_batch: instances a pass, whole bags, at least one; 0 chooses it from the instances' size.
    """

    def __init__(self, model, micro_batch=0):
        self._micro_batch = micro_batch
        several = [None, None]
        spec = [tf.TensorSpec([*several, *model.input_shape[0][2:]]), tf.TensorSpec(several, tf.bool)]
        self._forward = tf.function(lambda *given: model(list(given), training=False), input_signature=spec)

    def __call__(self, source, positions):
        """Returns one dict a bag: "probability", a float, and "instances" (n,) and "weights" (n,) as the model has."""
        answers = []
        for part in portions(source, np.asarray(positions, np.int64), self._micro_batch):
            found = {name: value.numpy() for name, value in self._forward(*padded(source, part)).items()}
            answers += [_of_bag(found, place, count) for place, count in enumerate(source.counts[part])]
        return answers


def portions(source, positions, micro_batch):
    """Cuts positions into runs of bags that hold about `micro_batch` instances together, padding counted in."""
    size = micro_batch or fitting(_image_shape(source), MICRO_PIXELS, 4096)
    step = max(1, size // max(1, int(source.counts[positions].max(initial=1))))
    return [positions[start : start + step] for start in range(0, len(positions), step)]


def padded(source, positions, change=None):
    """Bags of a source in one batch.

    Args:
        source: a source of `mil_tf.data`.
        positions: which of its bags.
        change: function (images float32 (m, h, w, c) of all the bags, counts (b,)) -> images, or None.

    Returns:
        (float32 (b, n, h, w, c), 0 where padded; bool (b, n)), n that of the largest bag.
    """
    positions = [int(p) for p in positions]
    counts = source.counts[positions]
    images = taken(source, positions, [np.arange(count) for count in counts]).astype(np.float32)
    images = images if change is None else change(images, counts)
    mask = np.arange(counts.max(initial=0)) < counts[:, None]
    batch = np.zeros((*mask.shape, *images.shape[1:]), np.float32)
    batch[mask] = images
    return batch, mask


def _of_bag(found, place, count):
    own = {name: value[place][:count] for name, value in found.items() if name != "probability"}
    return {"probability": float(found["probability"][place]), **own}


def _keys(positions, counts):
    return np.array([(bag, place) for bag, count in zip(positions, counts) for place in range(count)], np.int64)


def _image_shape(source):
    """(h, w) of the instances; of other instances than images what stands for it."""
    return (*source.instance_shape, 1, 1)[:2]
