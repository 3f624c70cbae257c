"""Stage 2 of parida2021 without a person: which predicted masks of the image-level set are learned from.

The paper's expert takes masks with few false positives, whatever part of the bleed they leave out. `Oracle` does that
with the truth, which phantoms have. `Auto` does without: what the network still sees in slices known to be healthy
tells how much a part of a mask must weigh before it means anything, and the types must agree with the image label.
Neither changes a mask.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import sum_labels
from skimage.measure import label as components_of

# All our decisions; the paper names no number.
PRECISION = 0.8  # least share of predicted pixels that are true: "few false positives"
MOST = 0.05  # of healthy slices that may show a part as weighty as those that are believed
SOLID = 0.8  # least share of a mask's weight in parts that are believed
AGREED = 0.5  # least share of a mask's area of types that the image has; refinement relabels the rest
DIAGONAL = 2  # pixels that touch at a corner hang together


class Decision(NamedTuple):
    """Whether a mask is learned from, and why, in words."""

    accepted: bool
    reason: str


class NothingAccepted(ValueError):
    """A selection that took no mask; the message is one line with the reasons and how often each was met."""


class Candidate(NamedTuple):
    """What a rule looks at in a predicted mask.

    Attributes:
        areas: {class id: mm2}.
        weights: float64 (parts,), of parts that hang together, whatever their classes, heaviest first: mm2 times the
            mean probability of blood there.
    """

    areas: dict
    weights: np.ndarray

    @property
    def heaviest(self):
        """Weight of the heaviest part, 0 where nothing is predicted."""
        return float(self.weights[0]) if len(self.weights) else 0.0


def candidate(prediction, probability=None, pixel=(1.0, 1.0)):
    """The Candidate of a mask.

    Args:
        prediction: (h, w) class ids, 0 for none.
        probability: (h, w) of blood of any type; None counts every predicted pixel as certain.
        pixel: mm between rows and between columns.

    Raises:
        ValueError: the probabilities are of another shape.
    """
    prediction = np.asarray(prediction)
    certain = np.ones(prediction.shape) if probability is None else np.asarray(probability, np.float64)
    if certain.shape != prediction.shape:
        raise ValueError(f"Expected probabilities of the mask's shape {prediction.shape}. Received: {certain.shape}")
    area = float(np.prod(pixel))
    kinds, counts = np.unique(prediction[prediction > 0], return_counts=True)
    parts = components_of(prediction > 0, connectivity=DIAGONAL)
    weights = area * np.atleast_1d(sum_labels(certain, parts, np.arange(1, parts.max() + 1)))
    return Candidate(dict(zip(kinds.tolist(), (area * counts).tolist())), np.sort(weights)[::-1])


class Auto(NamedTuple):
    """The rule without truth; see `calibrated`.

    Attributes:
        above: weight that a part must be above to be believed.
        solid, agreed: as SOLID and AGREED.
    """

    above: float
    solid: float = SOLID
    agreed: float = AGREED

    def __call__(self, found, label):
        """The Decision on a Candidate.

        Args:
            found: Candidate.
            label: the class ids that the image has, () for a healthy one. That one is taken where nothing is
                predicted, so that the network goes on to learn from healthy slices.
        """
        area = sum(found.areas.values())
        plain = _without_blood(area, label)
        if plain:
            return plain
        agreed = sum(found.areas.get(int(kind), 0.0) for kind in label) / area
        if agreed < self.agreed:
            return Decision(False, "the types disagree with the image label")
        if found.heaviest <= self.above:
            return Decision(False, "no part weighs more than in healthy slices")
        if found.weights[found.weights > self.above].sum() < self.solid * found.weights.sum():
            return Decision(False, "too much lies in parts as light as in healthy slices")
        return Decision(True, "weighs more than in healthy slices, and agrees with the image label")


def calibrated(healthy, most=MOST, solid=SOLID, agreed=AGREED):
    """The Auto whose parts are believed in at most a share of healthy slices.

    Args:
        healthy: Candidates of slices known to be healthy, at least one. With fewer than 1 / `most` none of them is
            believed: the bound is then the heaviest part of all.
        most: the share, 0 or above and below 1.
        solid, agreed: of Auto.

    Raises:
        ValueError: no slice, or a share outside its values.
    """
    heaviest = np.sort([each.heaviest for each in healthy])[::-1]
    if not len(heaviest):
        raise ValueError("Expected healthy slices to select by. Received: none; add some, or select by hand")
    if not (0 <= most < 1 and 0 <= solid <= 1 and 0 <= agreed <= 1):
        raise ValueError(f"Expected shares from 0 to 1, `most` below 1. Received: most={most}, solid={solid}, "
                         f"agreed={agreed}")
    return Auto(float(heaviest[int(np.floor(most * len(heaviest) + 1e-9))]), solid, agreed)


class Oracle(NamedTuple):
    """The paper's criterion with the truth: few false positives. The extent of the true ones does not count.

    Attributes:
        precision: least share of predicted pixels with blood of any type in them; the type follows from the label.
    """

    precision: float = PRECISION

    def __call__(self, prediction, truth, label):
        """The Decision on a mask.

        Args:
            prediction, truth: (h, w) class ids, 0 for none.
            label: as of Auto.

        Raises:
            ValueError: the masks are of different shapes.
        """
        called, true = np.asarray(prediction) > 0, np.asarray(truth) > 0
        if called.shape != true.shape:
            raise ValueError(f"Expected masks of one shape. Received: {called.shape} predicted, {true.shape} true")
        plain = _without_blood(np.count_nonzero(called), label)
        if plain:
            return plain
        right = np.count_nonzero(called & true) / np.count_nonzero(called)
        if right < self.precision:
            return Decision(False, f"fewer than {100 * self.precision:g} % of its pixels are true")
        return Decision(True, f"at least {100 * self.precision:g} % of its pixels are true")


def _without_blood(predicted, label):
    """The Decision where nothing is predicted or the image is healthy, else None."""
    if not len(label):
        return Decision(not predicted, "blood in a healthy slice" if predicted else "healthy, and nothing found")
    return None if predicted else Decision(False, "nothing found in a slice with blood")


def told(decisions):
    """How many were taken, and the reasons with how often each was met, in one line.

    Args:
        decisions: iterable of Decision.
    """
    counts = {}
    for one in decisions:
        counts[one] = counts.get(one, 0) + 1
    taken = sum(count for one, count in counts.items() if one.accepted)
    reasons = sorted(counts.items(), key=lambda each: (-each[1], each[0].reason))
    listed = "; ".join(f"{count} {'taken' if one.accepted else 'left'}: {one.reason}" for one, count in reasons)
    return f"{taken} of {sum(counts.values())} masks taken" + (f" ({listed})" if listed else "")


def taken(decisions, labels):
    """The ids of the masks that are learned from, in their order.

    Args:
        decisions: {id: Decision}.
        labels: {id: class ids that the image has}.

    Raises:
        NothingAccepted: no mask with blood is among them: healthy slices alone teach no segmenter.
    """
    ids = [id for id, one in decisions.items() if one.accepted]
    if not any(len(labels[id]) for id in ids):
        raise NothingAccepted(
            f"Expected at least one mask with blood to learn from. Received: {told(decisions.values())}; train stage 1 "
            "longer, or loosen the rule."
        )
    return ids
