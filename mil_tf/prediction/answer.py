"""One scan file -> one `Answer`: what the model says of every slice, in the order of the file."""

import types
from typing import Any, NamedTuple

import numpy as np

from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.inference import slice_positions
from mil_tf.prediction.back import scan_slice, slice_count
from mil_tf.prediction.checks import warnings_for
from mil_tf.prediction.points import located
from mil_tf.selection import top_position
from preprocessing.ct import load_bag
from preprocessing.errors import ScanError


class Answer(NamedTuple):
    """What is known of a scan of N slices, of which n were scored.

    Attributes:
        id, path: of the scan.
        bag: its Bag, the n slices in the order of the file.
        probability: float32 (n,), as the bag.
        positions: float64 (N,), z of every slice's centre in RAS+ mm, empty slices too; of the template where the scan
            was aligned to one.
        top: position in the bag of the slice that decides.
        threshold: chosen on the model's validation bags, or None.
        warnings: one line each.
        maps, points: of a model that says where in a slice it looked, see `mil_tf.prediction.points.located`.
        pooling: such a model's, "max" or "attention". All three are None of others.
    """

    id: str
    path: str
    bag: Any
    probability: np.ndarray
    positions: np.ndarray
    top: int
    threshold: float | None
    warnings: list[str]
    maps: np.ndarray | None = None
    points: list | None = None
    pooling: str | None = None

    @property
    def bag_probability(self):
        """The top slice's probability, as the tables have it."""
        return written(self.probability[self.top])

    @property
    def top_index(self):
        """The top slice's index in the file, or after alignment."""
        return int(self.bag.source_index[self.top])

    @property
    def top_scan_slice(self):
        """The slice of the file where the top slice has its middle."""
        return scan_slice(self.bag, self.top_index)

    def positive_at(self, threshold):
        """Whether the scan is called positive, as the evaluation does it; None without a threshold."""
        return None if threshold is None else self.bag_probability >= threshold

    def slices(self):
        """Yields (source index, position in mm, probability or None where empty, slice of the file) in order."""
        scored = dict(zip(self.bag.source_index.tolist(), self.probability, strict=True))
        for index, position in enumerate(self.positions):
            value = scored.get(index)
            shown = None if value is None else written(value)
            yield index, round(float(position), 3), shown, scan_slice(self.bag, index)

    def decisions(self):
        """{name: (threshold, whether positive)} at the paper's 0.5 and at the validation bags' threshold."""
        found = {"at_0.5": PAPER_THRESHOLD, "at_validation_threshold": self.threshold}
        return {name: (threshold, self.positive_at(threshold)) for name, threshold in found.items()}


def written(probability):
    """A probability with the digits of a run's tables, so that both are compared with a threshold alike."""
    return float(format(float(probability), ".9g"))


def answer(path, id, model, settings):
    """Predicts one scan.

    Args:
        path: a .nii or .nii.gz file.
        id: its name in the outputs.
        model: a loaded ExportedModel.
        settings: the model's CtSettings.

    Raises:
        ScanError: the scan cannot be used; the message is the reason.
    """
    bag = in_order(load_bag(path, settings, id=id))
    probability, *where = _seen(bag, model)
    return Answer(
        id, str(path), bag, probability, all_positions(bag), top_position(probability, bag.source_index),
        model.threshold, warnings_for(bag, settings, model.facts.get("spacing")), *where,
    )


def _seen(bag, model):
    """[probability], and of a model with positions maps, points and pooling too; by one pass of the network."""
    if model.positions is None:
        return [finite(model(bag.instances), "probabilities")]
    probability, maps = map(finite, model.maps(bag.instances), ("probabilities", "maps"))
    return [probability, *located(bag, maps, probability, model.positions), model.positions["pooling"]]


def finite(values, name):
    """The values, if they are finite; raises ScanError."""
    if not np.isfinite(values).all():
        raise ScanError(f"the model's {name} are not finite")
    return values


def in_order(bag):
    """The same bag with its slices in the order of the file; in place, a scan is large."""
    order = np.argsort(bag.source_index, kind="stable")
    bag.instances, bag.source_index = bag.instances[order], bag.source_index[order]
    return bag


def all_positions(bag):
    """z of every slice's centre in RAS+ mm, of the dropped slices too: a slice's position follows from its index."""
    every = types.SimpleNamespace(affine=bag.affine, source_index=np.arange(slice_count(bag)))
    return slice_positions(every, bag.instances.shape[1:])
