"""Decisions on several classes at once: precision, recall and F1 of each class, macro and micro."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.fields.ranked import defined_mean
from mil_tf.evaluation.intervals import bootstrap_estimate, rate_estimate
from mil_tf.evaluation.metrics import MetricUndefined
from mil_tf.evaluation.threshold import PAPER_THRESHOLD, choose_threshold

NEVER = "undefined: neither true nor called"
NONE_TRUE = "undefined: no image has a class"


class Decided(NamedTuple):
    """What thresholds decide: `rule` says where they come from, `thresholds` maps each class to its own.

    `by_class` is {"precision", "recall", "f1": {class: Estimate}}, `average` is {("macro" or "micro", one of these):
    Estimate}.
    """

    rule: str
    thresholds: dict
    by_class: dict
    average: dict

    def numbers(self):
        """As a dict of JSON values."""
        classes = {name: {"threshold": at, **{rate: found[name].numbers() for rate, found in self.by_class.items()}}
                   for name, at in self.thresholds.items()}
        return {"rule": self.rule, "classes": classes,
                **{f"{rate}_{how}": one.numbers() for (how, rate), one in self.average.items()}}


def paper_thresholds(classes):
    """{class: 0.5}."""
    return dict.fromkeys(classes, PAPER_THRESHOLD)


def validation_thresholds(table):
    """{class: threshold that a validation table chooses}; 0.5 for a class that none or all of its images have."""
    return {name: _chosen(table.y_true[:, at], table.y_prob[:, at]) for at, name in enumerate(table.classes)}


def decide(rule, thresholds, table, bootstrap):
    """The Decided of a table of images.

    Args:
        rule: where the thresholds come from, in words.
        thresholds: {class: threshold} in the order of the table's classes.
        table: Fields.
        bootstrap: PatientBootstrap of its wells.
    """
    truth, called = table.y_true.astype(bool), table.y_prob >= np.array(list(thresholds.values()))
    pairs = list(zip(table.classes, truth.T, called.T))
    scores = f1_scores(truth, called)
    value, drawn = scores(np.ones((1, len(truth)))), bootstrap(scores, table.patient)
    patients = len(bootstrap.patients)
    by_class = {"precision": {name: rate_estimate(c, t, table.patient) for name, t, c in pairs},
                "recall": {name: rate_estimate(t, c, table.patient) for name, t, c in pairs},
                "f1": {name: bootstrap_estimate(float(value[at, 0]), drawn[at], patients, NEVER)
                       for at, name in enumerate(table.classes)}}
    keys = [(how, rate) for how in ("macro", "micro") for rate in by_class]
    average = {key: bootstrap_estimate(float(one[0]), many, patients, NONE_TRUE)
               for key, one, many in zip(keys, value[len(pairs):], drawn[len(pairs):])}
    return Decided(rule, thresholds, by_class, average)


def f1_scores(truth, called):
    """The statistic of row weights (r, n), shape (k + 6, r): F1 of each class, then precision, recall and F1, macro and
    micro.

    Macro means are over the classes that are true on some row; in them the precision of a class that is never called
    counts as 0 (scikit-learn's zero_division).

    Args:
        truth, called: bool (n, k).
    """
    masks = [(truth & called), called, truth]

    def values(weights):
        weights = weights.astype(np.float64)
        hit, named, real = (weights @ mask.astype(np.float64) for mask in masks)
        sums = [each.sum(axis=1) for each in (hit, named, real)]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall, f1 = np.where(named > 0, hit / named, 0.0), hit / real, 2 * hit / (named + real)
            macro = [defined_mean(np.where(real > 0, each, np.nan), axis=1) for each in (precision, recall, f1)]
            micro = [sums[0] / sums[1], sums[0] / sums[2], 2 * sums[0] / (sums[1] + sums[2])]
        return np.stack([*f1.T, *macro, *micro])

    return values


def _chosen(truth, probability):
    try:
        return choose_threshold(truth, probability)
    except MetricUndefined:
        return PAPER_THRESHOLD
