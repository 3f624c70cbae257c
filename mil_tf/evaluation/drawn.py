"""What the figures of a run draw, as CSV files of their names: for other programs, and for figures of one's own."""

from mil_tf.evaluation.metrics import MetricUndefined, precision_recall_curve, roc_curve
from mil_tf.evaluation.results import write_csv


def write_drawn(folder, scores):
    """Write precision_recall.csv, roc.csv, confusion.csv and calibration.csv.

    Args:
        folder: it exists.
        scores: a Score a cohort.
    """
    for name, columns, rows in (
        ("precision_recall", ("recall", "precision"), lambda score: _points(precision_recall_curve, score)),
        ("roc", ("fpr", "tpr"), lambda score: _points(roc_curve, score)),
        ("confusion", ("rule", "threshold", "tn", "fp", "fn", "tp"), _confusions),
        ("calibration", ("from", "to", "probability", "positive", "low", "high", "k", "n"), _bins),
    ):
        table = [[score.name, *row] for score in scores for row in rows(score)]
        write_csv(folder / f"{name}.csv", ("cohort", *columns), table)


def _points(curve, score):
    try:
        return zip(*curve(score.predictions.y_true, score.predictions.y_prob))
    except MetricUndefined:
        return ()


def _confusions(score):
    return [[decision.rule, decision.threshold, *decision.confusion] for decision in score.decisions]


def _bins(score):
    bins = score.calibration.bins if score.calibration else ()
    return [[one.low, one.high, one.probability, *one.positive[:5]] for one in bins]
