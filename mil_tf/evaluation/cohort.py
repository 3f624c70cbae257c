"""Every number of one cohort: bags ranked, decided at each threshold, slices where their truth is known."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.beside import MEAN_POOLING, TRIVIAL, absent, baseline, mean_pooling
from mil_tf.evaluation.calibration import Calibration, calibrate
from mil_tf.evaluation.intervals import Estimate, PatientBootstrap, ranking_estimates, rate_estimate
from mil_tf.evaluation.metrics import RATES, Confusion, confusion, rate_masks
from mil_tf.evaluation.pixels import Pixels
from mil_tf.evaluation.positions import Positions
from mil_tf.evaluation.slices import Versus, slice_metrics
from mil_tf.evaluation.tables import Instances, Predictions
from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.nouns import SCANS, Nouns

PAPER_RULE = "at 0.5"
VALIDATION_RULE = "at the validation threshold"


class Decision(NamedTuple):
    """What a threshold decides: `rule` says where it comes from, `rates` maps names of RATES to Estimates."""

    rule: str
    threshold: float
    confusion: Confusion
    rates: dict

    @property
    def label(self):
        """The rule with its threshold, as a heading."""
        return self.rule if self.rule == PAPER_RULE else f"{self.rule} ({self.threshold:.4g})"

    @property
    def counts(self):
        """The confusion matrix in one line."""
        return "TP {tp}, FN {fn}, TN {tn}, FP {fp}".format(**self.confusion._asdict())


@dataclass(frozen=True, eq=False)
class Score:
    """One cohort with its tables and numbers; `slices` is None where no slice truth exists, or bags are of tiles.

    `baselines` maps the names of `mil_tf.evaluation.beside` to Baselines; `positions` is None where there are no points
    to score against boxes, `pixels` where there are no maps of slides, and a text where those cannot be scored;
    `nouns` says what bags are.
    """

    name: str
    predictions: Predictions
    instances: Instances | None
    counts: dict
    ranking: dict
    decisions: list
    slices: dict | None
    calibration: Calibration | None = None
    baselines: dict = field(default_factory=dict)
    positions: Positions | None = None
    pixels: Pixels | str | None = None
    nouns: Nouns = SCANS

    @property
    def sample(self):
        """The cohort's size in words, to stand beside every figure and table."""
        return "{bags} bags of {patients} patients, {positives} positive".format(**self.counts)

    def numbers(self):
        """Everything as plain JSON values; undefined ones are null, with the reason in `note`."""
        decisions = [{"rule": decision.rule, "threshold": decision.threshold, **decision.confusion._asdict(),
                      **_plain(decision.rates)} for decision in self.decisions]
        return {"counts": self.counts, **_plain(self.ranking), "decisions": decisions,
                "calibration": self.calibration and self.calibration.numbers(),
                "baselines": {name: one.numbers() for name, one in self.baselines.items()},
                "slices": _plain(self.slices),
                "positions": self.positions and self.positions.numbers(),
                "pixels": self.pixels.numbers() if isinstance(self.pixels, Pixels) else None}

    def rows(self):
        """(metric, threshold or None, Estimate) of every number, flat, for a table."""
        yield from ((name, None, estimate) for name, estimate in self.ranking.items())
        for decision in self.decisions:
            yield from ((name, decision.threshold, estimate) for name, estimate in decision.rates.items())
        if self.calibration:
            yield "calibration_error", None, self.calibration.error
        for name, one in self.baselines.items():
            yield from ((f"{name}_{metric}", None, estimate) for metric, estimate in one.ranking.items())
            yield from ((f"gain_over_{name}_{metric}", None, gain.estimate()) for metric, gain in one.gain.items())
        for name, versus in (self.slices or {}).items():
            if isinstance(versus, Versus):
                yield from ((f"slice_{name}_{who}", None, e) for who, e in versus._asdict().items())
        if self.positions:
            yield from self.positions.rows()
        if isinstance(self.pixels, Pixels):
            yield from self.pixels.rows()

    def counts_of(self, metric):
        """The counts that a number of `rows` is made of: bags, patients, positives."""
        if self.positions and metric in (name for name, _, _ in self.positions.rows()):
            return self.positions.as_bags()
        if isinstance(self.pixels, Pixels) and metric in (name for name, _, _ in self.pixels.rows()):
            return self.pixels.as_bags()
        return self.counts


def score_cohort(name, predictions, instances, threshold, resamples, seed, trivial=None, positions=None, pixels=None,
                 nouns=SCANS):
    """Score one cohort.

    Args:
        predictions, instances: its tables; instances may be None.
        threshold: the one chosen on validation, None where that had one class only.
        resamples, seed: of the bootstrap by patient.
        trivial: the trivial detector's score of each bag (n,), or why there is none; None leaves it out.
        positions: Positions of the cohort, None where there are none.
        pixels: Pixels of the cohort, None where there are none, or the text why they cannot be scored.
        nouns: Nouns of the bags. Tiles are not ranked as slices are: they lie on no axis, and pixels tell more.
    """
    bootstrap = PatientBootstrap(predictions.patient, resamples, seed)
    truth, probability, patient = predictions.y_true, predictions.y_prob, predictions.patient
    rules = {PAPER_RULE: PAPER_THRESHOLD, VALIDATION_RULE: threshold}
    return Score(name, predictions, instances, _counts(predictions),
                 ranking_estimates(truth, probability, patient, bootstrap),
                 [_decide(predictions, rule, at) for rule, at in rules.items() if at is not None],
                 None if instances is None or nouns != SCANS else slice_metrics(predictions, instances, bootstrap),
                 calibrate(truth, probability, patient, bootstrap),
                 _baselines(predictions, instances, trivial, bootstrap), positions, pixels, nouns)


def _baselines(predictions, instances, trivial, bootstrap):
    found = {MEAN_POOLING: mean_pooling(predictions, instances, bootstrap)}
    if trivial is not None:
        known = not isinstance(trivial, str)
        found[TRIVIAL] = baseline(predictions, trivial, bootstrap) if known else absent(trivial)
    return found


def _counts(predictions):
    return {"bags": len(predictions.id), "patients": len(np.unique(predictions.patient)),
            "positives": int(predictions.y_true.sum())}


def _decide(predictions, rule, threshold):
    truth, probability = predictions.y_true, predictions.y_prob
    rates = {name: rate_estimate(*rate_masks(name, truth, probability, threshold), predictions.patient)
             for name in RATES}
    return Decision(rule, threshold, confusion(truth, probability, threshold), rates)


def _plain(value):
    """Estimates and Versus within dicts to plain JSON values."""
    if isinstance(value, Estimate):
        return value.numbers()
    if isinstance(value, Versus):
        value = value._asdict()
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value
