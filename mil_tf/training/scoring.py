"""Scores every instance of many bags without gradients, in fixed-size chunks that cross bag borders."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from mil_tf.data import chunks

# Our decision (`benchmarks/full_size.py` measures the memory that it gives): pixels a
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

    Raises:
        ValueError: where `chunk` is below 0.
    """

    def __init__(self, model, chunk=0):
        if chunk < 0:
            raise ValueError(f"Expected `chunk` of 1 or more instances, or 0. Received: chunk={chunk}")
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
    """The chunks, the next one read while one is scored.

    A thread and not `tf.data`, which would turn the reader's one-line error about a damaged record into its own.
    """
    pieces = chunks(source, positions, size)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, pieces, None)
        while (piece := ahead.result()) is not None:
            ahead = reader.submit(next, pieces, None)
            yield piece
