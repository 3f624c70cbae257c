"""Stage 2 of parida2021: the image-level set is segmented, and some of the masks are selected, then refined.

In this order (section 3): what is judged is the raw prediction, and g works on those taken. Written into the run:

    segmented.csv   id, pixels of blood that stage 1 finds: of every image
    review/         those with blood by their label and by stage 1, as `mil_tf.review` shows them to a person
    selection.csv   id, patient, label, accepted, reason: of every image
    recursion-0/    targets of the masks taken, after refinement, and record.json
"""

import csv
from pathlib import Path

import numpy as np

from mil_tf import mask_selection, runs
from mil_tf.localization.felzenszwalb import refined
from mil_tf.mask_selection import Decision, Oracle, calibrated, candidate
from mil_tf.options import OptionError
from mil_tf.review import candidates, decisions
from mil_tf.training.recursion_set import label_of, pixel_of
from mil_tf.training.recursion_targets import TargetWriter

REVIEW, SEGMENTED, SELECTION = "review", "segmented.csv", "selection.csv"
FOUND = ("id", "pixels")
COLUMNS = ("id", "patient", "label", "accepted", "reason")


class Choice:
    """Stage 2 of a run.

    Args:
        folder: the run.
        options: of the recipe, resolved.
        images: source of the image-level set.
        segmenter: with stage 1's weights.
        classes: their names.
    """

    def __init__(self, folder, options, images, segmenter, classes):
        self._folder, self._options, self._images = Path(folder), options, images
        self._segmenter, self._classes = segmenter, list(classes)
        self.review = self._folder / REVIEW

    def decide(self, show):
        """{id: Decision} of all images, or None where a person has not judged all that they are to judge.

        Raises:
            NothingAccepted: no mask with blood is taken.
            ValueError: the rule cannot be; for `oracle`, an image has no true mask.
        """
        person = self._options["select"] == "person"
        if not (person and (self._folder / SEGMENTED).exists()):
            show(f"stage 2: segmenting {len(self._images)} images")
            rule, found = self._rule(), []
            for one in self._segmenter(self._images, range(len(self._images))):
                self._offer(one)
                found.append((self._images.ids[one.position], int(np.count_nonzero(one.mask)), rule(one)))
            self._write_table(found)
            if not person:
                return self._kept({id: told for (id, _, _), told in zip(found, self._told([f[2] for f in found]))})
        return self._by_person()

    def write(self, decided):
        """Writes selection.csv and the targets of what is taken; returns (their ids, their digest)."""
        rows = [(id, patient, self._names(place), int(decided[id].accepted), decided[id].reason)
                for place, (id, patient) in enumerate(zip(self._images.ids, self._images.patients))]
        runs.write_table(self._folder / SELECTION, COLUMNS, rows)
        table = candidates.read_table(self.review) if (self.review / candidates.TABLE).exists() else None
        writer = TargetWriter(self._folder / "recursion-0")
        for place, id in enumerate(self._images.ids):
            if decided[id].accepted:
                writer.add(id, self._target(place, id, table))
        return writer.ids, writer.close()

    def waits(self):
        """What a person is to do, in one line."""
        judged, asked = len(decisions.decisions(self.review)), len(self._asked())
        return (
            f"{judged} of {asked} masks judged; review with `python -m mil_tf.review {self.review}`, then give the "
            "same command with --resume (and --set enough=accepted to go on with those accepted so far)"
        )

    def _rule(self):
        """Segmented -> what `_told` decides by."""
        select, images = self._options["select"], self._images
        if select == "oracle":
            oracle = Oracle(self._options["precision_least"])
            return lambda one: oracle(one.mask, self._true_mask(one.position), label_of(images, one.position))
        if select == "auto":
            return lambda one: (candidate(one.mask, one.blood, pixel_of(images, one.position)),
                                label_of(images, one.position))
        return lambda one: _any(one.mask.any(), label_of(images, one.position))

    def _told(self, found):
        """The Decisions of what the rule gave of all images."""
        if self._options["select"] != "auto":
            return found
        rule = calibrated([one for one, label in found if not label], self._options["most"])
        return [rule(*each) for each in found]

    def _true_mask(self, position):
        mask = self._images.mask(position)
        if mask is None and label_of(self._images, position):
            raise OptionError(
                f"--set select: Expected another than oracle where images have no true masks. Received: oracle, and "
                f"none of {self._images.ids[position]}."
            )
        return np.zeros(self._images.instance_shape[:2]) if mask is None else mask[0]

    def _offer(self, one):
        """Only what is a question is asked: on a healthy image any mask is wrong, and without one nothing is there."""
        if one.mask.any() and label_of(self._images, one.position):
            pixel = pixel_of(self._images, one.position)
            candidates.write_candidate(self.review, self._images.ids[one.position], one.hu, one.mask, pixel)

    def _write_table(self, found):
        pixels = {id: count for id, count, _ in found}
        rows = [(id, self._images.patients[place], self._names(place)) for place, id in enumerate(self._images.ids)
                if pixels[id] and label_of(self._images, place)]
        if rows:
            candidates.write_table(self.review, rows, self._classes, f"stage 1 of {self._folder}")
        runs.write_table(self._folder / SEGMENTED, FOUND, pixels.items())

    def _names(self, place):
        return candidates.JOINED.join(self._classes[kind - 1] for kind in label_of(self._images, place))

    def _by_person(self):
        with open(self._folder / SEGMENTED, newline="", encoding="utf-8") as file:
            pixels = {row["id"]: int(row["pixels"]) for row in csv.DictReader(file)}
        verdicts, decided = decisions.decisions(self.review), {}
        for place, id in enumerate(self._images.ids):
            decided[id] = _without_person(pixels[id], label_of(self._images, place)) or _verdict(verdicts.get(id))
        if self._options["enough"] == "all" and any(id not in verdicts for id in self._asked()):
            return None
        return self._kept(decided)

    def _asked(self):
        """The ids that a person judges."""
        there = (self.review / candidates.TABLE).exists()
        return list(candidates.read_table(self.review).rows) if there else []

    def _kept(self, decided):
        labels = {id: label_of(self._images, place) for place, id in enumerate(self._images.ids)}
        mask_selection.taken(decided, labels)  # raises where nothing is
        return decided

    def _target(self, place, id, table):
        label = label_of(self._images, place)
        if not label:
            return np.zeros(self._images.instance_shape[:2], np.uint8)
        shown = candidates.read_slice(table, id)
        return refined(shown.hu, shown.prediction, self._options["refine"], label, pixel_of(self._images, place))


def _any(found, label):
    """The Decision where all predictions are taken."""
    taken = bool(found) or not label
    return Decision(taken, "all are taken" if taken else "nothing found in a slice with blood")


def _without_person(pixels, label):
    """The Decision on what is no question, else None."""
    if not label:
        return Decision(not pixels, "blood in a healthy slice" if pixels else "healthy, and nothing found")
    return None if pixels else Decision(False, "nothing found in a slice with blood")


def _verdict(one):
    told = {decisions.ACCEPT: "accepted by a person", decisions.REJECT: "rejected by a person"}
    return Decision(one == decisions.ACCEPT, told.get(one, "not judged"))
