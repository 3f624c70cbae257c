"""Stage 3 of parida2021: recursions, whose targets are what the model segmented after the one before.

A recursion begins with the weights that the one before has left and with an optimizer of its own (our decision), so
that all it depends on is in the folder before it. RUN/recursion-K holds

    targets.zip          what the image-level set is learned towards in recursion K + 1; of 0, what stage 2 took
    weights.weights.h5   the model after it; of 0, they are checkpoints/before.weights.h5
    history.csv          losses of its epochs
    record.json          written last: images in the set, how many joined, loss, digests, seconds of the last sitting

and, while it learns, checkpoints. Killed anywhere it goes on and ends bit for bit as if it had not been.

After a recursion every image is segmented anew. An image that is not in the set joins where a mask was found whose
types agree with its label by at least the share of `mil_tf.mask_selection.AGREED`; a healthy one where none was found.
An image in the set takes its new mask as target, made consistent with its label; where nothing is left of it, it keeps
the target that it had (our decision, as Khoreva et al. 2017 reset regions that all but vanish). Recursions end where
no image with blood has joined, or at the cap.
"""

import shutil
import time
from pathlib import Path

import numpy as np

from mil_tf import runs
from mil_tf.data import generator
from mil_tf.localization.felzenszwalb import consistent
from mil_tf.mask_selection import AGREED
from mil_tf.training.loop import Loop, Plan
from mil_tf.training.method import build_optimizer
from mil_tf.training.observers import Console, HistoryTable
from mil_tf.training.recursion_set import Both, label_of
from mil_tf.training.recursion_targets import Targets, TargetWriter
from mil_tf.training.segmentation_validation import SHOWN, validate
from mil_tf.training.state import BestWeights, Checkpoints

RECORD, WEIGHTS = "record.json", "weights.weights.h5"
RECURSION_STREAM = 8  # beside the streams of mil_tf.data and mil_tf.training
NOTHING_NEW, CAP = "nothing newly segmented", "the cap of recursions"


class Recursions:
    """The recursions of a run.

    Args:
        folder: the run.
        job: a `mil_tf.runs.Job`.
        sources: {"train", "validation"} of the pixel set, {"images"} of the image-level set.
        segmenter: `mil_tf.training.segmenter.Segmenter` of the model.
        learning: `mil_tf.training.segmentation_learning.SegmentationLearning` of it.
        classes: how many there are.
        show: called with each line of progress.
    """

    def __init__(self, folder, job, sources, segmenter, learning, classes, show):
        self._folder, self._job, self._options = Path(folder), job, job.options
        self._sources, self._images = sources, sources["images"]
        self._segmenter, self._model, self._learning = segmenter, segmenter.model, learning
        self._classes, self._show = classes, show

    def of(self, number):
        """Folder of a recursion."""
        return self._folder / f"recursion-{number}"

    def last(self):
        """The newest recursion that is done, 0 for stage 2; -1 where that is not."""
        number = -1
        while (self.of(number + 1) / RECORD).exists():
            number += 1
        return number

    def begin(self, ids, digest):
        """Writes the record of stage 2, whose targets are written."""
        told = self._counted(ids)
        self._record(0, {**told, "newly_segmented": told["segmented"], "targets": digest})

    def run(self, before):
        """Runs what is left of the recursions and leaves the last one's weights in the model.

        Args:
            before: BestWeights of stage 1.

        Returns:
            The last recursion's number, 0 where there is none.

        Raises:
            Interrupted, NonFiniteError: as the loop's.
        """
        number = self.last()
        shutil.rmtree(self.of(number) / "checkpoints", ignore_errors=True)  # killed just before it would have been
        (before if number < 1 else self._weights(number)).load()
        while not self._ended(number):
            number += 1
            self._recursion(number)
        return number

    def _ended(self, number):
        return number >= self._options["recursions"] or bool(runs.read_json(self.of(number) / RECORD)["ended"])

    def _recursion(self, number):
        started, targets = time.monotonic(), Targets(self.of(number - 1), self._images.instance_shape[:2])
        both = Both(self._sources["train"], self._images, targets, self._classes)
        self._show(f"recursion {number}: {len(both)} slices, {len(targets.ids)} of them images")
        state = self._loop(number, both).run(Checkpoints.exist(self.of(number) / "checkpoints"))
        told = self._segment(number, targets)
        targets.close()
        losses = [epoch["train_loss"] for epoch in state.history]
        measured = {name: _number(state.history[-1][name]) for name in ("validation_loss", *SHOWN)}
        self._record(number, {**told, "loss": losses, **measured, "weights": runs.weights_digest(self._model),
                              "seconds": round(time.monotonic() - started, 1)})
        shutil.rmtree(self.of(number) / "checkpoints", ignore_errors=True)

    def _loop(self, number, both):
        folder, options = self.of(number), self._options
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        optimizer = build_optimizer(
            {**options, "weight_decay": 0.0, "learning_rate": options["recursion_learning_rate"]}
        )
        seed, epochs = int(generator(self._job.seed, RECURSION_STREAM, number).integers(2**31)), self._epochs
        return Loop(
            Plan(epochs, epochs, 0.0, seed, epochs - 1), both, self._sources["validation"],
            lambda epoch: lambda source, window, epoch: self._learning(source.batch(window)),
            lambda epoch: options["window"], optimizer, self._model.trainable_variables, self._segmenter,
            Checkpoints(folder / "checkpoints", self._model, optimizer), self._weights(number),
            [HistoryTable(folder / "history.csv"), Console(self._show, SHOWN)],
            lambda epoch: options["recursion_learning_rate"],
            measure=lambda source, segmenter: validate(source, segmenter, self._classes),
        )

    @property
    def _epochs(self):
        return self._options["recursion_epochs"]

    def _weights(self, number):
        return BestWeights(self.of(number) / WEIGHTS, self._model)

    def _segment(self, number, before):
        """Segments all images anew, and writes the targets of the next recursion; returns what the record tells."""
        writer, joined, kept = TargetWriter(self.of(number)), 0, 0
        for one in self._segmenter(self._images, range(len(self._images))):
            id, label = self._images.ids[one.position], label_of(self._images, one.position)
            known, mask = id in before, consistent(one.mask, label)
            if known and label and not mask.any():
                mask, kept = before[id], kept + 1
            elif not known and not joins(one.mask, label):
                continue
            joined += bool(label) and not known
            writer.add(id, mask)
        told = self._counted(writer.ids)
        return {**told, "newly_segmented": joined, "kept_their_target": kept, "targets": writer.close()}

    def _counted(self, ids):
        taken = set(ids)
        ill = sum(bool(label_of(self._images, place)) for place, id in enumerate(self._images.ids) if id in taken)
        return {"images": len(taken), "segmented": ill, "healthy": len(taken) - ill}

    def _record(self, number, told):
        ended = CAP if number >= self._options["recursions"] else ""
        ended = NOTHING_NEW if number and not told["newly_segmented"] else ended
        runs.write_json(self.of(number) / RECORD, {"recursion": number, **told, "ended": ended})
        self._show(f"recursion {number}: {told['images']} images in the set, {told['newly_segmented']} newly segmented"
                   + (f"; it ends: {ended}" if ended else ""))


def joins(mask, label, agreed=AGREED):
    """Whether an image that is not in the set joins it.

    Args:
        mask: uint8 (h, w), what the model finds.
        label: class ids that the image has, () for a healthy one.
        agreed: least share of the mask of types that the image has.
    """
    found = np.count_nonzero(mask)
    if not label or not found:
        return not label and not found
    return bool(np.count_nonzero(np.isin(mask, label)) >= agreed * found)


def _number(value):
    return None if np.isnan(value) else float(value)
