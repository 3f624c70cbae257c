"""TensorBoard of fields: a few validation fields in colour, with the classes that the network sees in them."""

import numpy as np
import tensorflow as tf

from mil_tf.training.observers import TensorBoard

# Our decision: what the channels of a field are drawn in, in their order; those after the third are not drawn.
COLOURS = {1: [(1, 1, 1)], 2: [(1, 0, 1), (0, 1, 0)], 3: [(0, 0.4, 1), (0, 1, 0), (1, 0, 0)]}
BRIGHTEST = 99.5  # per cent of the pixels below which a channel is drawn; our decision
DRAWN, TOLD = 6, 3  # fields that are drawn, the first of so many classes, and classes told of each; our decision


class FieldBoard(TensorBoard):
    """Losses, validation metrics, learning rate, bags/s, and a few fixed validation fields.

    Args:
        folder: where the event files go.
        source: the validation source, a `mil_tf.field_source.FieldSource`.
        scorer: `mil_tf.training.field_scoring.FieldScorer`.
        classes: their names.
        image_every: epochs between images; 0 is never.
    """

    def __init__(self, folder, source, scorer, classes, image_every):
        super().__init__(folder, source, scorer, image_every)
        self._classes = classes
        firsts = (np.flatnonzero(labels == 1)[:1] for labels in source.labels.T)
        self._fixed = sorted({int(first[0]) for first in firsts if len(first)})[:DRAWN]

    def _images(self):
        found = self._scorer(self._source, self._fixed)
        for position, probabilities in zip(self._fixed, found.probabilities):
            top = np.argsort(-probabilities, kind="stable")[:TOLD]
            told = ", ".join(f"{self._classes[i]} {probabilities[i]:.2f}" for i in top)
            truth = " and ".join(self._classes[i] for i in np.flatnonzero(self._source.labels[position] == 1))
            image = composite(self._source.image(position))[None]
            tf.summary.image(f"field/{truth}, {self._source.ids[position]}", image, description=told)


def composite(image):
    """The channels in colour, each stretched from 0 to its BRIGHTEST per cent: float32 (h, w, 3), 0 to 1.

    Args:
        image: (h, w, c).
    """
    channels = np.asarray(image, np.float32)[..., :3]
    most = np.percentile(channels, BRIGHTEST, axis=(0, 1))
    stretched = np.clip(channels / np.maximum(most, np.finfo(np.float32).tiny), 0, 1)
    return np.clip(stretched @ np.array(COLOURS[channels.shape[-1]], np.float32), 0, 1)
