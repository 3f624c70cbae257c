"""What a segmentation network answers of slices, one at a time, so that memory does not follow their number."""

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.training.scoring import CHUNK_PIXELS, Portions
from mil_tf.training.segmentation_learning import slices
from mil_tf.training.segmentation_losses import pixel_cross_entropy

MOST = 256  # slices a pass at most (our decision)


class Segmented(NamedTuple):
    """A slice and its answer.

    Attributes:
        position: of its bag.
        hu: (h, w).
        mask: uint8 (h, w), the likeliest class of every pixel.
        blood: float32 (h, w), probability of blood of any type.
        truth: uint8 (h, w), or None where none was asked for.
        loss: equation 1 against it, or None.
    """

    position: int
    hu: np.ndarray
    mask: np.ndarray
    blood: np.ndarray
    truth: np.ndarray | None
    loss: float | None


class Segmenter:
    """Inference with a network of `mil_tf.models.unet`.

    Args:
        model: the network.
        chunk: slices a pass; 0 chooses it from their size, less after memory has run out.

    Raises:
        ValueError: where `chunk` is below 0.
    """

    def __init__(self, model, chunk=0):
        self.model = model
        self.portions = Portions(chunk, CHUNK_PIXELS, MOST, "chunk")
        self._graphs = {}

    def __call__(self, source, positions, truth=None):
        """Yields a Segmented for each bag of one slice at `positions`.

        Args:
            source: a source of `mil_tf.data`.
            positions: which of its bags.
            truth: function position -> uint8 (h, w), the true mask; None asks for none.
        """
        positions = [int(position) for position in positions]
        for chunk, images, masks in self._ahead(source, positions, truth):
            found = self.portions.tried(images.shape[1:], functools.partial(self._in_turn, images, masks))
            for place, position in enumerate(chunk):
                known = (None, None) if truth is None else (masks[place], float(found[2][place]))
                yield Segmented(position, images[place, ..., 0], found[0][place], found[1][place], *known)

    def _ahead(self, source, positions, truth):
        """(positions, slices, masks) of every chunk, the next one read while one is at work."""
        if not positions:
            return
        size = self.portions.of(source.instance_shape)
        chunks = [positions[start : start + size] for start in range(0, len(positions), size)]

        def read(chunk):
            images = slices(source, chunk)
            masks = np.zeros(images.shape[:3], np.uint8) if truth is None else np.stack([truth(p) for p in chunk])
            return chunk, images, masks

        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(read, chunks[0])
            for following in [*chunks[1:], None]:
                found = waiting.result()
                waiting = None if following is None else reader.submit(read, following)
                yield found

    def _in_turn(self, images, masks, size):
        graph = self._graph(images)
        parts = [slice(start, start + size) for start in range(0, len(images), size)]
        found = [[each.numpy() for each in graph(images[part], masks[part])] for part in parts]
        return [np.concatenate(each) for each in zip(*found)]

    def _graph(self, images):
        """One graph for every number of slices."""
        key = images.dtype.name, images.shape[1:]
        if key not in self._graphs:
            spec = [tf.TensorSpec([None, *images.shape[1:]], images.dtype),
                    tf.TensorSpec([None, *images.shape[1:3]], tf.uint8)]
            self._graphs[key] = tf.function(self._answer, input_signature=spec)
        return self._graphs[key]

    def _answer(self, images, masks):
        logits = self.model(tf.cast(images, tf.float32), training=False)["logits"]
        blood = tf.reduce_sum(tf.nn.softmax(logits)[..., 1:], axis=-1)
        return tf.cast(tf.argmax(logits, axis=-1), tf.uint8), blood, pixel_cross_entropy(masks, logits)
