"""Stages 2 and 3 of parida2021, in a row, as what a run learns after the loop; see `mil_tf.training.prepared`."""

from pathlib import Path

import numpy as np

from mil_tf import runs
from mil_tf.training.mask_choice import Choice
from mil_tf.training.recursion import Recursions
from mil_tf.training.state import BestWeights

IMAGES = "images.csv"
COLUMNS = ("id", "patient", "label")


def weights_before(folder, model):
    """The BestWeights of stage 1, which stage 3 goes on from."""
    return BestWeights(Path(folder) / "checkpoints" / "before.weights.h5", model)


def final_weights(folder, model):
    """The BestWeights of a run, stage 1's until stage 3 is done."""
    return BestWeights(Path(folder) / "checkpoints" / "best.weights.h5", model)


class Stages:
    """Stages 2 and 3 of a run.

    Args:
        job: a `mil_tf.runs.Job`.
        images: source of the image-level set.
        segmenter, learning: of the model.
        classes: their names.
    """

    def __init__(self, job, images, segmenter, learning, classes):
        self._job, self._images, self._classes = job, images, list(classes)
        self._segmenter, self._learning = segmenter, learning

    def __call__(self, folder, sources, show):
        """Does what is left to do; returns what the run waits for, "" when it is done.

        Raises:
            mil_tf.mask_selection.NothingAccepted: no mask is taken.
            Interrupted, NonFiniteError: as the loop's.
        """
        model, sources = self._segmenter.model, {**sources, "images": self._images}
        before = weights_before(folder, model)
        if not (Path(folder) / "checkpoints" / "before.weights.h5").exists():
            runs.write_table(Path(folder) / IMAGES, COLUMNS, self._rows())
            before.save()
        recursions = Recursions(folder, self._job, sources, self._segmenter, self._learning, len(self._classes), show)
        if recursions.last() < 0:
            waits = self._choose(folder, before, recursions, show)
            if waits:
                return waits
        recursions.run(before)
        final_weights(folder, model).save()
        return ""

    def _choose(self, folder, before, recursions, show):
        before.load()
        choice = Choice(folder, self._job.options, self._images, self._segmenter, self._classes)
        decided = choice.decide(show)
        if decided is None:
            return choice.waits()
        recursions.begin(*choice.write(decided))
        return ""

    def _rows(self):
        names = np.array(self._classes)
        for id, patient, label in zip(self._images.ids, self._images.patients, self._images.labels):
            yield id, patient, ";".join(names[label == 1])
