"""What kraus2016 needs of its options and of a data set of fields, checked before anything is trained."""

import numpy as np

from mil_tf import registry
from mil_tf.data import several
from mil_tf.field_augment import ROTATIONS
from mil_tf.field_cells import centres
from mil_tf.models.conv_mil import ENDINGS, POOLINGS, least
from mil_tf.options import OptionError
from mil_tf.sources import FIELDS
from tfrecords.errors import DatasetError

CHOICES = {
    "learns_from": ("images", "cells"), "ending": ("auto", *ENDINGS), "rotation": ROTATIONS, "keep": ("best", "last"),
    "monitor": ("loss", "error"),
}


def check_options(options):
    """Raises OptionError where an option cannot be."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise OptionError(f"--set {name}: Expected one of {known}. Received: {options[name]!r}.")
    name, _ = registry.parsed(options["pooling"], "pooling")
    if name not in POOLINGS:
        raise OptionError(f"--set pooling: Expected one of {POOLINGS}. Received: {options['pooling']!r}.")
    needed = least(options["first_stride"])
    for name, fits in (("crop", {0}), ("cell_crop", set())):
        if options[name] < needed and options[name] not in fits:
            raise OptionError(
                f"--set {name}: Expected at least the {needed} pixels of one position of the network. Received: "
                f"{options[name]}."
            )


def check_labels(dataset, rows):
    """Raises DatasetError where bags are no fields, or a label is no whole answer: 0 or 1 of every class."""
    kind = dataset.info.get("preprocessing", {}).get("kind")
    if kind != FIELDS:
        raise DatasetError(
            f"{dataset.folder}: Expected microscopy fields, of `python -m preprocessing fields`. Received: bags of "
            f"another kind, {kind!r}."
        )
    classes = classes_of(dataset)
    for row in rows:
        if len(row.label) != len(classes) or not set(row.label) <= {0, 1}:
            raise DatasetError(
                f"{dataset.folder}, bag {row.id}: Expected 0 or 1 for each of {len(classes)} classes. Received: "
                f"{row.label}."
            )


def check_fields(options, dataset, sources):
    """Raises DatasetError where a run cannot learn from its sources."""
    for source in sources.values():
        check_bags(options, dataset, source)
    train, told = sources["train"], channels_of(dataset)
    if train.instance_shape[-1] != len(told):
        raise DatasetError(
            f"{dataset.folder}: Expected as many channels as dataset.json names, {listed(told)}. Received: "
            f"{train.instance_shape[-1]}."
        )
    if options["learns_from"] == "cells" and not any(len(centres(train.fields(i))[0]) for i in range(len(train))):
        raise DatasetError(
            f"{dataset.folder}: Expected training fields whose cells are known, to learn from cells. Received: none; "
            "give `python -m preprocessing fields` a table of cells."
        )


def check_bags(options, dataset, source):
    """Raises DatasetError where a bag is not a single field that is large enough."""
    needed, told = least(options["first_stride"]), several(source, "images")
    if told:
        raise DatasetError(f"{dataset.folder}: Expected bags of one field. Received: {told}.")
    for position in range(len(source)):
        height, width, _ = source.shape(position)
        if min(height, width) < needed:
            raise DatasetError(
                f"{dataset.folder}, bag {source.ids[position]}: Expected a field of at least {needed} x {needed} "
                f"pixels, one position of the network. Received: {height} x {width}."
            )


def ending_of(options, sources):
    """(ending, whether every field has one class) of a run: softmax where they have, unless an option says otherwise.

    Raises OptionError where the option is softmax and a field has not.
    """
    counts = np.concatenate([source.labels for source in sources.values()]).sum(axis=1)
    single = bool((counts == 1).all())
    if options["ending"] == "softmax" and not single:
        raise OptionError(
            f"--set ending: Expected sigmoid, or fields of one class each. Received: softmax, and fields of "
            f"{counts.min()} to {counts.max()} classes."
        )
    return (options["ending"] if options["ending"] != "auto" else ENDINGS[not single]), single


def classes_of(dataset):
    """Names of a data set's classes."""
    return list(dataset.info.get("classes") or ())


def channels_of(dataset):
    """Names of its channels; none where it tells none."""
    return list(dataset.info.get("preprocessing", {}).get("channels") or ())


def listed(names):
    """Names in words."""
    return ", ".join(names) or "none"
