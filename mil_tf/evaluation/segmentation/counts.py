"""What is counted: pixels of a slice that a predicted mask and the true one have in common, and those of one alone."""

from typing import NamedTuple

import numpy as np

ANY = "any"  # in place of a type: bleeding of whatever type
MODELS = ("before", "after")


class Row(NamedTuple):
    """Counts of one slice by one model.

    Attributes:
        model: one of MODELS, before or after recursion.
        id: of the slice.
        patient: whose it is.
        data_set: that it belongs to.
        type: of bleeding, or ANY.
        tp, fp, fn: pixels in both masks, in the predicted alone, in the true one alone.
    """

    model: str
    id: str
    patient: str
    data_set: str
    type: str
    tp: int
    fp: int
    fn: int


def count_slice(prediction, truth, types=()):
    """{type: (tp, fp, fn)} of a slice, ANY first.

    ANY takes blood of every type as one, so that a right outline with a wrong type is right there.

    Args:
        prediction, truth: (h, w) class ids, 0 for none.
        types: names of the classes 1, 2, ... that are counted each.

    Raises:
        ValueError: the masks are of different shapes, or a class has no name.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        raise ValueError(f"Expected masks of one shape. Received: {prediction.shape} predicted, {truth.shape} true")
    highest = max(prediction.max(initial=0), truth.max(initial=0))
    if types and highest > len(types):
        raise ValueError(f"Expected class ids up to {len(types)}, of {', '.join(types)}. Received: {highest}")
    pairs = {ANY: (prediction > 0, truth > 0)}
    pairs |= {name: (prediction == kind, truth == kind) for kind, name in enumerate(types, 1)}
    return {name: _counts(*masks) for name, masks in pairs.items()}


def _counts(called, true):
    both = int(np.count_nonzero(called & true))
    return both, int(np.count_nonzero(called)) - both, int(np.count_nonzero(true)) - both


def slice_rows(model, id, patient, data_set, prediction, truth, types=()):
    """[Row] of a slice: ANY and every type.

    Args:
        model, id, patient, data_set: of Row.
        prediction, truth, types: of `count_slice`.
    """
    counted = count_slice(prediction, truth, types)
    return [Row(model, id, patient, data_set, name, *counts) for name, counts in counted.items()]
