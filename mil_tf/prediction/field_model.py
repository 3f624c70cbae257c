"""An exported model of fields: what its `mil_tf.json` says of them, its answers, and its Jacobian maps."""

from pathlib import Path

import numpy as np

from mil_tf.localization.mapped import Mapped, mapped
from mil_tf.prediction.model import ModelError, load_signatures, read_facts
from preprocessing.errors import UsageError
from preprocessing.fields.settings import FieldSettings

SEES = ("stride", "low", "high", "more")  # of a `mil_tf.models.receptive.Field`


class FieldModel:
    """A model that `train.py` exported, of fields; called as a `mil_tf.localization.jacobian.JacobianMapper`.

    Args:
        folder: the `export/` folder of a run.

    Attributes:
        facts: dict of its `mil_tf.json`.
        settings: `preprocessing.fields.settings.FieldSettings` of its training data.
        classes, channels: names.
        single: whether its last layer is a softmax, and a field has one class.
        least: pixels a side of the smallest field that it can answer.
        fields: `mil_tf.models.receptive.Field` of the class maps' rows and of their columns; of a loaded one.

    Raises:
        ModelError: the folder is none, or does not say of fields what it must.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.facts = read_facts(self.folder)
        try:
            self.settings = FieldSettings.from_dict(self.facts["preprocessing"]["settings"])
            self.classes, self.channels = list(self.facts["classes"]), list(self.facts["channels"])
            self.single, self.least = self.facts["ending"] == "softmax", int(self.facts["least"])
            self._sees = [[int(one[name]) for name in SEES] for one in self.facts["sees"]]
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise ModelError(
                f"{self.folder / 'mil_tf.json'}: Expected classes, channels, ending, least, sees and the settings of "
                f"preprocessing, as train.py writes them. Received: none of {error}; train again."
            ) from error
        self.fields = self._signatures = None

    def load(self):
        """Loads the SavedModel. Raises ModelError where it is missing or damaged."""
        self._loaded, self._signatures = load_signatures(self.folder, ["fields", "class_maps"])
        from mil_tf.models.receptive import (
            Field,  # with Keras, which is slow to load, and loud before TensorFlow is quiet
        )

        self.fields = tuple(Field(*one) for one in self._sees)

    def answer(self, image):
        """(probabilities of the last layer, P_i of the MIL layer), float32 (k,), of an image (h, w, c)."""
        import tensorflow as tf

        found = self._signatures[0](fields=tf.constant(image[None], tf.float32))
        return found["probabilities"].numpy()[0], found["pooled"].numpy()[0]

    def __call__(self, image, classes=None):
        """`mil_tf.localization.jacobian.Mapped` of an image (h, w, c); `classes` as of a JacobianMapper."""
        return mapped(self._traced, image, classes, len(self.channels), len(self.classes))

    def _traced(self, images, seeds):
        import tensorflow as tf

        found = self._signatures[1](fields=tf.constant(np.asarray(images)), seeds=tf.constant(seeds))
        return [found[name] for name in Mapped._fields]
