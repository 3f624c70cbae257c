"""What is measured on the validation fields after every epoch: equation 2's loss, errors, mean average precision."""

import numpy as np

from mil_tf.evaluation.metrics import MetricUndefined, ranking_metrics
from mil_tf.training.validation import EPSILON

METRICS = ("validation_loss", "validation_error", "validation_map")
SHOWN = {"validation_error": "error", "validation_map": "mean AP"}


def validate(source, scorer, ending, pooled):
    """Returns {metric: float} of METRICS over all fields of a source.

    The loss is that of training on whole fields, of which at most EPSILON is taken as 0 or 1. The error is the share of
    fields whose likeliest class is not theirs; after sigmoid, the share of labels called wrong at 0.5. Both, and the
    mean average precision, are of the last layer.

    Args:
        source: a source of `mil_tf.data`.
        scorer: `mil_tf.training.field_scoring.FieldScorer`.
        ending: softmax or sigmoid.
        pooled: whether the MIL layer's answer is part of the loss.
    """
    truth, found = source.labels == 1, scorer(source, range(len(source)))
    loss = _categorical if ending == "softmax" else _binary
    losses = loss(truth, found.probabilities) + (_binary(truth, found.pooled) if pooled else 0.0)
    wrong = errors(truth, found.probabilities, ending)
    values = losses.mean(), wrong.mean(), mean_average_precision(truth, found.probabilities)
    return dict(zip(METRICS, map(float, values)))


def errors(truth, probabilities, ending):
    """Share of each field's answer that is wrong, (n,): 0 or 1 after softmax, of its k labels after sigmoid."""
    if ending == "softmax":
        return (truth.argmax(axis=1) != probabilities.argmax(axis=1)).astype(np.float64)
    return ((probabilities >= 0.5) != truth).mean(axis=1)


def mean_average_precision(truth, probabilities):
    """Mean over the classes that some fields have and some have not; NaN where there is none.

    Args:
        truth: bool (n, k).
        probabilities: (n, k).
    """
    found = []
    for labels, scores in zip(truth.T, probabilities.T):
        try:
            found.append(ranking_metrics(labels.astype(int), scores)[0])
        except MetricUndefined:
            continue
    return float(np.mean(found)) if found else float("nan")


def _categorical(truth, probabilities):
    return -np.log(np.clip(probabilities.astype(np.float64)[truth], EPSILON, 1.0))


def _binary(truth, probabilities):
    # In float32, whose 1 - EPSILON is another number, as the loss that is learned from has it.
    kept = np.clip(probabilities, np.float32(EPSILON), np.float32(1 - EPSILON)).astype(np.float64)
    return -np.log(np.where(truth, kept, 1.0 - kept)).sum(axis=1)
