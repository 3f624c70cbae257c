"""What a network of kraus2016 answers: of whole fields, and of single cells cut out of them."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.field_cells import around, centres
from mil_tf.training.scoring import CHUNK_PIXELS, Portions

MOST = 256  # images a pass at most (our decision)


class Answers(NamedTuple):
    """pooled: float32 (n, k), P_i of the MIL layer. probabilities: (n, k), y_i of the last layer."""

    pooled: np.ndarray
    probabilities: np.ndarray


class FieldScorer:
    """Answers of fields, inference mode.

    A field's answer is the network's of the whole field; of a network that learned from cells, the mean of its cells'
    answers (our decision), and where no cell is known, the network's of the whole field.

    Args:
        model: of `mil_tf.models.conv_mil`.
        crop: pixels a side of a cell's window.
        by_cells: whether the network learned from cells.
        chunk: images a forward pass; 0 chooses it from their size, less after memory has run out.
    """

    def __init__(self, model, crop, by_cells=False, chunk=0):
        self.model, self._crop, self._by_cells = model, crop, by_cells
        self.portions = Portions(chunk, CHUNK_PIXELS, MOST, "chunk")
        self._classes = model.get_layer("probabilities").output.shape[-1]
        self._graphs = {}

    def __call__(self, source, positions):
        """Answers of the fields at `positions` of a source, k the network's classes."""
        positions = [int(position) for position in positions]
        if self._by_cells:
            return _joined([self._by_its_cells(source, position) for position in positions])
        found = [self.images(np.stack(stack)) for stack in self._stacks(source, positions)]
        return _joined(found)

    def cells(self, source, position):
        """Answers of a field's known cells, in the order of its points."""
        return self._windows(source, position, source.image(position))

    def images(self, images):
        """Answers of images (m, h, w, c) of one size; m may be 0."""
        if not len(images):
            return Answers(*np.zeros((2, 0, self._classes), np.float32))
        return self.portions.tried(images.shape[1:], lambda size: self._in_turn(images, size))

    def _by_its_cells(self, source, position):
        image = source.image(position)
        found = self._windows(source, position, image)
        if not len(found.probabilities):
            return self.images(image[None])
        return Answers(*(each.mean(axis=0, keepdims=True) for each in found))

    def _windows(self, source, position, image):
        points, _ = centres(source.fields(position))
        return self.images(around(image, points, self._crop))

    def _stacks(self, source, positions):
        """Lists of fields of one size, neighbours in `positions`, as many as go into a pass."""
        stack = []
        for position in positions:
            image = source.image(position)
            if stack and (image.shape != stack[0].shape or len(stack) >= self.portions.of(stack[0].shape)):
                yield stack
                stack = []
            stack.append(image)
        if stack:
            yield stack

    def _in_turn(self, images, size):
        forward = self._graph(images)
        parts = [images[start : start + size] for start in range(0, len(images), size)]
        return _joined([Answers(*(each.numpy() for each in forward(part))) for part in parts])

    def _graph(self, images):
        """One graph for images of every number and size."""
        key = images.dtype.name, images.shape[-1]
        if key not in self._graphs:
            spec = tf.TensorSpec([None, None, None, images.shape[-1]], images.dtype)
            self._graphs[key] = tf.function(self._answer, input_signature=[spec])
        return self._graphs[key]

    def _answer(self, images):
        found = self.model(tf.cast(images, tf.float32), training=False)
        return found["pooled"], found["probabilities"]


def _joined(answers):
    return Answers(*(np.concatenate(each) for each in zip(*answers)))
