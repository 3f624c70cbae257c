"""Scores every instance of many bags without gradients, in chunks that cross bag borders."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from mil_tf.data import chunks

# Our decision (`benchmarks/full_size.py` measures the memory that it gives): pixels a
# chunk and a micro-batch may hold, 16 and 8 slices of 512x512.
CHUNK_PIXELS = 16 * 512 * 512
MICRO_PIXELS = 8 * 512 * 512
GPU_ROOM = 4  # times as much on a GPU, whose passes want to be large; not measured, and less once memory has run out


def fitting(shape, pixels, most):
    """How many instances of `shape` (h, w, c) fit `pixels`, between 1 and `most`."""
    return int(np.clip(pixels // (shape[0] * shape[1]), 1, most))


class Portions:
    """A portion size that halves when a device's memory is full.

    Args:
        size: instances a pass; 0 chooses it from the instances' size.
        pixels, most: what a pass may hold where `size` is 0.
        name: of the option, for messages.
        show: called with the line that tells of a smaller size.

    Raises:
        ValueError: where `size` is below 0.
    """

    def __init__(self, size, pixels, most, name, show=lambda line: print(line, file=sys.stderr)):
        if size < 0:
            raise ValueError(f"Expected `{name}` of 1 or more instances, or 0. Received: {name}={size}")
        self._size, self._pixels, self._most, self._name, self._show = size, pixels, most, name, show

    def of(self, shape):
        """Instances of `shape` (h, w, c) a pass."""
        room = GPU_ROOM if tf.config.list_physical_devices("GPU") else 1
        return self._size or fitting(shape, self._pixels * room, self._most)

    def tried(self, shape, attempt):
        """attempt(size), again with half the size as long as memory runs out; its result.

        Raises tf.errors.ResourceExhaustedError where a single instance does not fit.
        """
        while True:
            size = self.of(shape)
            try:
                return attempt(size)
            except tf.errors.ResourceExhaustedError:
                if size == 1:
                    raise
                self._size = size // 2
                self._show(f"out of memory with {size} instances a pass: going on with {self._name}={self._size}")


class Scorer:
    """Probabilities of every instance, inference mode.

    Args:
        model: Keras model, (n, h, w, c) -> (n, classes).
        chunk: instances a forward pass; 0 chooses it from the instances' size, less after memory has run out.
        jit: compile with XLA.

    Raises:
        ValueError: where `chunk` is below 0.
    """

    def __init__(self, model, chunk=0, jit=False):
        self.model = model
        self.portions = Portions(chunk, CHUNK_PIXELS, 256, "chunk")
        self._forward = forward(lambda images: model(images, training=False), jit)

    def __call__(self, source, positions):
        """Scores bags.

        Args:
            source: a source of `mil_tf.data`.
            positions: which of its bags.

        Returns:
            list of float32 (n_i, classes), one a bag, in stored order.
        """
        return scored(source, positions, self._forward, self.portions)


def forward(function, jit=False):
    """A traced `function` of images, which are handed to the device as they are stored and become float32 there.

    One graph serves every number of instances.
    """
    graphs = {}

    def call(images):
        key = images.dtype, images.shape[1:]
        if key not in graphs:
            spec = tf.TensorSpec([None, *images.shape[1:]], images.dtype)
            graphs[key] = tf.function(
                lambda x: function(tf.cast(x, tf.float32)), input_signature=[spec], jit_compile=jit or None
            )
        return graphs[key](images).numpy()

    return call


def scored(source, positions, function, portions):
    """What `function` gives for every instance of bags, each distinct instance once.

    Args:
        source: a source of `mil_tf.data`.
        positions: which of its bags.
        function: images (m, h, w, c) -> array (m, k).
        portions: `Portions` of the passes.

    Returns:
        list of (n_i, k) arrays, one a bag, in stored order.
    """
    return [values for values, _ in scored_once(source, positions, function, portions)]


def scored_once(source, positions, function, portions):
    """[((n_i, k) array, int64 (n_i,) which distinct instance each is)] of bags, as `scored`."""
    positions = [int(p) for p in positions]
    if not positions:
        return []
    return portions.tried(source.instance_shape, lambda size: _scored(source, positions, function, size))


def _scored(source, positions, function, size):
    found, places = [], []
    for chunk in _prefetched(chunks(source, positions, size)):
        if len(chunk.images):
            found.append(function(chunk.images))
        places.extend(chunk.places)
    places, ends = np.array(places, np.int64), np.cumsum(source.counts[positions])[:-1]
    return list(zip(np.split(np.concatenate(found)[places], ends), np.split(places, ends)))


def _prefetched(pieces):
    """The chunks, the next one filled while one is scored."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, pieces, None)
        while (piece := ahead.result()) is not None:
            ahead = reader.submit(next, pieces, None)
            yield piece
