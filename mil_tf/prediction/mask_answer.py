"""One scan file -> its mask on the scan's own voxels, with the volume of each class."""

from typing import Any, NamedTuple

import numpy as np

from mil_tf.prediction.answer import all_positions, finite, in_order, written
from mil_tf.prediction.back import classes_on_scan, scan_slice
from mil_tf.prediction.checks import warnings_for
from preprocessing.ct import load_bag


class MaskAnswer(NamedTuple):
    """What is known of a scan of N slices, of which n were segmented.

    Attributes:
        id, path: of the scan.
        bag: its Bag, the n slices in the order of the file.
        masks: uint8 (n, h, w), class ids.
        probability: float32 (n,), of blood of any type: of each slice's likeliest pixel.
        positions: float64 (N,), z of every slice's centre in RAS+ mm, empty slices too.
        mask: uint8 (i, j, k), class ids on the voxels of the scan.
        volumes: {class: cm3} of these voxels.
        warnings: one line each.
    """

    id: str
    path: str
    bag: Any
    masks: np.ndarray
    probability: np.ndarray
    positions: np.ndarray
    mask: np.ndarray
    volumes: dict
    warnings: list

    def slices(self):
        """Yields (source index, position in mm, slice of the file, probability, mm2 of each class) in order.

        Probability and areas are None where the slice is empty.
        """
        pixel, kinds = float(np.prod(self.bag.spacing[:2])), range(1, len(self.volumes) + 1)
        places = {int(index): place for place, index in enumerate(self.bag.source_index)}
        for index, position in enumerate(self.positions):
            place, found = places.get(index), (None, [None] * len(self.volumes))
            if place is not None:
                areas = [round(pixel * np.count_nonzero(self.masks[place] == kind), 3) for kind in kinds]
                found = written(self.probability[place]), areas
            yield (index, round(float(position), 3), scan_slice(self.bag, index), *found)


def answer(path, id, model, settings):
    """Segments one scan.

    Args:
        path: a .nii or .nii.gz file.
        id: its name in the outputs.
        model: a loaded `mil_tf.prediction.mask_model.MaskModel`.
        settings: the model's CtSettings.

    Raises:
        ScanError: the scan cannot be used; the message is the reason.
    """
    bag = in_order(load_bag(path, settings, id=id))
    masks, probability = model.masks(bag.instances)
    finite(probability, "probabilities")
    mask = classes_on_scan(bag, masks)
    return MaskAnswer(
        id, str(path), bag, masks, probability, all_positions(bag), mask,
        volumes(mask, bag.source_affine, model.classes),
        warnings_for(bag, settings, model.facts.get("spacing")),
    )


def volumes(mask, affine, classes):
    """{class: cm3} of a mask.

    Args:
        mask: class ids (i, j, k).
        affine: (4, 4), voxels to mm.
        classes: names of the values from 1.
    """
    voxel = abs(float(np.linalg.det(np.asarray(affine, np.float64)[:3, :3]))) / 1000
    counts = np.bincount(mask.ravel(), minlength=len(classes) + 1)[1:]
    return {name: round(voxel * int(count), 4) for name, count in zip(classes, counts)}
