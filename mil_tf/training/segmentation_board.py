"""TensorBoard of a segmenter: a few validation slices beside their true and found masks."""

import numpy as np
import tensorflow as tf

from mil_tf.training.observers import LEVEL, WIDTH, TensorBoard
from mil_tf.training.segmentation_truth import truth

DRAWN = 4  # slices with blood that are drawn, the first ones; our decision


class SegmentationBoard(TensorBoard):
    """Losses, validation metrics, learning rate, slices/s, and a few fixed validation slices.

    Args:
        folder: where the event files go.
        source: the validation source.
        segmenter: `mil_tf.training.segmenter.Segmenter`.
        classes: how many there are.
        image_every: epochs between images; 0 is never.
    """

    def __init__(self, folder, source, segmenter, classes, image_every):
        super().__init__(folder, source, segmenter, image_every)
        self._classes = classes
        self._fixed = [int(place) for place in np.flatnonzero((source.labels == 1).any(axis=1))[:DRAWN]]

    def _images(self):
        for one in self._scorer(self._source, self._fixed, lambda place: truth(self._source, place, self._classes)):
            grey = np.clip((one.hu.astype(np.float32) - LEVEL) / WIDTH + 0.5, 0, 1)
            drawn = [grey, one.truth / self._classes, one.mask / self._classes]
            image = np.concatenate(drawn, axis=1)[None, ..., None]
            tf.summary.image(f"slice, truth, found/{self._source.ids[one.position]}", image)
