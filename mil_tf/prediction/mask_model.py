"""An exported segmenter: its masks of slices; see `mil_tf.models.unet_export`."""

from pathlib import Path

import numpy as np

from mil_tf.prediction.model import FACTS, ExportedModel, ModelError, in_chunks, load_signatures, read_facts

KIND = "segmentation"


def is_of_masks(folder):
    """Whether an export answers in masks. Raises ModelError where it is none."""
    return KIND in read_facts(Path(folder))


class MaskModel(ExportedModel):
    """A model that `train.py` exported, of masks.

    Args:
        folder: the `export/` folder of a run.

    Attributes:
        classes: names of the masks' values from 1.
        facts, settings: as of ExportedModel.

    Raises:
        ModelError: the folder is none, or of a format or kind that is not known here.
    """

    def __init__(self, folder):
        super().__init__(folder)
        told = self.facts.get(KIND)
        self.classes = told.get("classes") if isinstance(told, dict) else None
        if not isinstance(self.classes, list) or not 0 < len(self.classes) < 256:
            raise ModelError(f"{self.folder / FACTS}: Expected the names of 1 to 255 classes. Received: {told!r}.")

    def load(self):
        """Loads the SavedModel. Raises ModelError where it is missing or damaged."""
        self._loaded, (self._score,) = load_signatures(self.folder, ["slices"])

    def masks(self, slices):
        """Segments slices in chunks, so that memory grows with the scan's masks alone.

        Args:
            slices: (n, h, w, 1) in HU, any float type.

        Returns:
            (uint8 (n, h, w), the likeliest class of every pixel; float32 (n,), probability of blood of any type, that
            of the likeliest pixel).
        """
        masks, blood = [], []
        for found in in_chunks(self._score, slices):
            probabilities = found["probabilities"].numpy()
            masks.append(probabilities.argmax(axis=-1).astype(np.uint8))
            blood.append(probabilities[..., 1:].sum(axis=-1).max(axis=(1, 2)))
        return np.concatenate(masks), np.concatenate(blood)
