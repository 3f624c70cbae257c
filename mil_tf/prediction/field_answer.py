"""One field -> one `FieldAnswer`: its classes, and the cells that its Jacobian map shows (kraus2016, section 3.3).

A field is answered at its own size, cropped as the training data where it is at least as large as that. Coordinates are
those of its files.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.localization.segmented import Segmented, continued, segment
from preprocessing.fields.bag import prepare, window
from preprocessing.fields.errors import FieldError

BRIGHTER = 4.0  # times as bright as the training fields, or as dark, and a warning is given; our decision


class FieldAnswer(NamedTuple):
    """What is known of a field.

    Attributes:
        id: of the field.
        source: `mil_tf.prediction.field_sources.Source`.
        shape: (h, w) of its files.
        corner: (y, x) of the first pixel that is answered.
        image: float32 (h', w', c), what is answered, fractions.
        probabilities: float32 (k,), of the last layer.
        pooled: float32 (k,), of the MIL layer.
        found: `mil_tf.localization.segmented.Segmented` of `image`.
        classes: names of the classes that it is said to have.
        likeliest: name of the class of the highest probability.
        warnings: one line each.
    """

    id: str
    source: Any
    shape: tuple
    corner: tuple
    image: np.ndarray
    probabilities: np.ndarray
    pooled: np.ndarray
    found: Segmented
    classes: list
    likeliest: str
    warnings: list

    @property
    def regions(self):
        """[`mil_tf.localization.cell_map.Region`], their centres in pixels of the files."""
        top, left = self.corner
        return [one._replace(y=one.y + top, x=one.x + left) for one in self.found.regions]

    @property
    def labels(self):
        """int32 (h, w) of the files' size: the number of each pixel's region, 0 outside."""
        whole = np.zeros(self.shape, np.int32)
        (top, left), (rows, columns) = self.corner, self.found.labels.shape
        whole[top : top + rows, left : left + columns] = self.found.labels
        return whole


def answer(source, id, model):
    """Predicts one field.

    Args:
        source: `mil_tf.prediction.field_sources.Source`.
        id: its name in the outputs.
        model: a loaded `mil_tf.prediction.field_model.FieldModel`.

    Raises:
        FieldError: the field cannot be used; the message is the reason.
    """
    bag = prepare(source.paths, dataclasses.replace(model.settings, crop=None), id=id)
    whole = bag.instances[0]
    rows, columns = _window(whole.shape[:2], model)
    image = whole[rows, columns].astype(np.float32)
    probabilities, pooled = model.answer(image)
    if not (np.isfinite(probabilities).all() and np.isfinite(pooled).all()):
        raise FieldError("the model's probabilities are not finite")
    likeliest = model.classes[int(probabilities.argmax())]
    called = [name for name, one in zip(model.classes, probabilities) if one >= PAPER_THRESHOLD]
    return FieldAnswer(
        id, source, whole.shape[:2], (rows.start, columns.start), image, probabilities, pooled, segment(model, image),
        [likeliest] if model.single else called, likeliest, _warnings(image, model),
    )


def maps_of(answer, model, classes):
    """{index of a class: its Jacobian map (h', w')} of a FieldAnswer."""
    mapped, _ = continued(model, answer.image, classes)
    return dict(zip(classes, np.moveaxis(mapped.jacobian, -1, 0)))


def _window(shape, model):
    """The rows and columns that are answered, two slices."""
    if min(shape) < model.least:
        told = f"{shape[0]} x {shape[1]} pixels of {model.least} x {model.least}"
        raise FieldError(f"smaller than one position of the network: {told}")
    crop = model.settings.crop
    fits = crop is not None and all(side >= wanted for side, wanted in zip(shape, crop))
    return window(shape, crop if fits else None)


def _warnings(image, model):
    """How a field is unlike those that the model learned from, visibly."""
    found, known = [], (model.facts.get("standardisation") or {}).get("mean", ())
    for name, plane, usual in zip(model.channels, np.moveaxis(image, -1, 0), known):
        times = float(plane.mean()) / usual if usual > 0 else 1.0
        if not 1 / BRIGHTER < times < BRIGHTER:
            found.append(f"{name} is {times:.2g} times as bright as in the training fields: another stain, or another "
                         "range of integers")
    return found
