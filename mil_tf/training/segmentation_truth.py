"""True masks of slices, and what parida2021 needs of its options and data, checked before anything is trained."""

import numpy as np

from mil_tf.data import several
from mil_tf.localization.felzenszwalb import CASES
from mil_tf.models.channels import HuChannels
from mil_tf.models.moments import moments
from mil_tf.options import OptionError
from tfrecords.errors import DatasetError

CHOICES = {
    "keep": ("last", "best"), "select": ("auto", "oracle", "person", "none"), "enough": ("all", "accepted"),
    "refine": CASES,
}


def check_options(options):
    """Raises OptionError where an option cannot be."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise OptionError(f"--set {name}: Expected one of {known}. Received: {options[name]!r}.")


def classes_of(dataset):
    """Names of a data set's classes, in the order of the masks' values from 1."""
    return list(dataset.info.get("classes") or ())


def check_labels(dataset, rows):
    """Raises DatasetError where bags are not slices with a label of several types, or there is no such slice."""
    made, classes = dataset.info.get("preprocessing", {}), classes_of(dataset)
    if made.get("kind") != "ct" or made.get("unit") != "slice":
        raise DatasetError(
            f"{dataset.folder}: Expected slices of CT, of `python -m preprocessing ct --unit slice --types`. Received: "
            f"{made.get('unit', 'scan')}s of kind {made.get('kind')!r}."
        )
    for row in rows:
        if len(row.label) != len(classes) or row.n != 1:
            raise DatasetError(
                f"{dataset.folder}, bag {row.id}: Expected one slice and a label of {len(classes)} types. Received: "
                f"{row.n} slices, a label of {len(row.label)}."
            )


def check_image_labels(dataset, rows):
    """As `check_labels`, of the image-level set, whose labels must be known."""
    check_labels(dataset, rows)
    for row in rows:
        if not set(row.label) <= {0, 1}:
            raise DatasetError(
                f"{dataset.folder}, bag {row.id}: Expected 0 or 1 for every type. Received: {row.label}; leave it out "
                "with `python -m preprocessing sample --kind image`."
            )


def check_slices(dataset, source):
    """Raises DatasetError where a bag is not one slice."""
    told = several(source)
    if told:
        raise DatasetError(f"{dataset.folder}: Expected bags of one slice. Received: {told}.")


def truth(source, position, classes):
    """The true mask of a slice, uint8 (h, w), 0 for none; without one, zeros where the label says that it is healthy.

    Args:
        source: a source of `mil_tf.data` with bags of one slice.
        position: of the bag.
        classes: how many there are.

    Raises:
        DatasetError: there is none of a slice that may bleed, or it has another shape or classes.
    """
    mask, shape = source.mask(position), tuple(source.instance_shape[:2])
    where = f"bag {source.ids[position]}"
    if mask is None:
        if (source.labels[position] == 0).all():
            return np.zeros(shape, np.uint8)
        raise DatasetError(
            f"{where}: Expected a slice with a mask. Received: none, with a label of blood; draw the pixel set with "
            "`python -m preprocessing sample --kind pixel`."
        )
    if mask.shape != (1, *shape):
        raise DatasetError(f"{where}: Expected a mask of {(1, *shape)}, as its slice. Received: {mask.shape}.")
    if mask.max(initial=0) > classes:
        raise DatasetError(
            f"{where}: Expected a mask of class ids up to {classes}. Received: {mask.max()}; preprocess it again with "
            "--types, and --mask-classes that name all of them."
        )
    return mask[0]


def has_mask(source, position):
    """Whether the truth of a slice is known: it has a mask."""
    return source.mask(position) is not None


def constants(dataset, source, classes):
    """{"mean", "std"} of the network's input over the pixel set, every mask of which is checked on the way.

    Raises:
        DatasetError: a mask cannot be, or no slice has blood in it.
    """
    plain, blood = HuChannels((0.0,) * 3, (1.0,) * 3, dtype="float64"), 0

    def slices():
        nonlocal blood
        for position in range(len(source)):
            blood += int(truth(source, position, classes).any())
            yield plain(source.take(position, [0]).astype(np.float64)).numpy()

    mean, std = moments(slices(), "slices")
    if not blood:
        raise DatasetError(
            f"{dataset.folder}: Expected a pixel set, slices with blood in their masks. Received: none among "
            f"{len(source)} training slices; give `python -m preprocessing ct` --masks."
        )
    return {"mean": list(mean), "std": list(std)}
