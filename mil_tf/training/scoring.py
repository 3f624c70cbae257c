"""Scores every instance of many bags without gradients, in fixed-size chunks that cross bag borders."""

import numpy as np
import tensorflow as tf

from mil_tf.data import chunks

# Our decision, measured (docs/PERFORMANCE is a later page; `benchmarks/full_size.py` prints the memory): pixels a
# chunk and a micro-batch may hold, 16 and 8 slices of 512x512.
CHUNK_PIXELS = 16 * 512 * 512
MICRO_PIXELS = 8 * 512 * 512


def fitting(shape, pixels, most):
    """How many instances of `shape` (h, w, c) fit `pixels`, between 1 and `most`."""
    return int(np.clip(pixels // (shape[0] * shape[1]), 1, most))


class Scorer:
    """Probabilities of every instance, inference mode.

    Args:
        model: Keras model, (n, h, w, c) -> (n, classes).
        chunk: instances a forward pass; 0 chooses it from the instances' size.
    """

    def __init__(self, model, chunk=0):
        self._chunk = chunk
        self._forward = tf.function(lambda images: model(tf.cast(images, tf.float32), training=False))

    def __call__(self, source, positions):
        """Scores bags.

        Args:
            source: a source of `mil_tf.data`.
            positions: which of its bags.

        Returns:
            list of float32 (n_i, classes), one a bag, in stored order.
        """
        positions = [int(p) for p in positions]
        if not positions:
            return []
        size = self._chunk or fitting(source.instance_shape, CHUNK_PIXELS, 256)
        found = [self._forward(images).numpy()[:count] for images, count in _prefetched(source, positions, size)]
        return np.split(np.concatenate(found), np.cumsum(source.counts[positions])[:-1])


def _prefetched(source, positions, size):
    signature = (
        tf.TensorSpec((size, *source.instance_shape), tf.as_dtype(source.dtype)),
        tf.TensorSpec((), tf.int64),
    )
    dataset = tf.data.Dataset.from_generator(lambda: chunks(source, positions, size), output_signature=signature)
    for images, count in dataset.prefetch(1):
        yield images, int(count)
