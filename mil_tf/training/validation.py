"""What is measured on the validation bags after every epoch."""

import numpy as np

from mil_tf.evaluation.metrics import MetricUndefined, ranking_metrics
from mil_tf.selection import top_position

EPSILON = 1e-7  # Keras' own clip of probabilities in a cross-entropy, so that a saturated slice stays finite


def top_scores(source, scores):
    """The top slice of every bag.

    Args:
        source: a source of `mil_tf.data`.
        scores: list of (n_i, 2) probabilities, one a bag of the source.

    Returns:
        (positions int64 (N,), probabilities of the positive class float64 (N,)).
    """
    tops = [top_position(p[:, 1], source.source_index(i)) for i, p in enumerate(scores)]
    return np.array(tops, np.int64), np.array([p[t, 1] for p, t in zip(scores, tops)], np.float64)


def validate(source, search):
    """Returns {"validation_loss", "validation_error", "validation_ap", "validation_auc"} over all bags of the source.

    Args:
        source: a source of `mil_tf.data`.
        search: of `mil_tf.training.search`; the top slice it finds is scored exactly.

    The loss is the cross-entropy of the top slice against the bag's label (remedios2020 is silent; the released code
    does so); the error is the share of bags called wrong at 0.5, 1 less the accuracy. AP and AUC are NaN where the
    source holds one class only.
    """
    found = search(source, range(len(source)), settled=True)
    probabilities = np.array([_top(source, *each) for each in enumerate(found)])
    labels = source.labels[:, 0]
    of_label = np.where(labels == 1, probabilities, 1.0 - probabilities)
    loss = float(-np.log(np.clip(of_label, EPSILON, 1.0)).mean())
    error = float(((probabilities >= 0.5) != (labels == 1)).mean())
    try:
        ap, auc = ranking_metrics(labels, probabilities)
    except MetricUndefined:
        ap = auc = float("nan")
    return {"validation_loss": loss, "validation_error": error, "validation_ap": ap, "validation_auc": auc}


def _top(source, position, found):
    positive = found.probabilities[:, 1]
    return float(positive[top_position(positive, source.source_index(position)[found.indices])])
