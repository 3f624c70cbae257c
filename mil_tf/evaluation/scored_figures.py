"""Figures of predictions, a panel a group: every model's curve with the ensemble's strong, the vote, calibration."""

from matplotlib.figure import Figure

from mil_tf.evaluation.figures import NEGATIVE, POSITIVE, confusion_panel, draw, reliability_panel
from mil_tf.evaluation.metrics import MetricUndefined, precision_recall_curve, roc_curve

COLUMNS = 3


def draw_all(groups):
    """Every figure: name -> Figure."""
    return {"precision-recall": draw(precision_recall_figure, groups), "roc": draw(roc_figure, groups),
            "confusion": draw(confusion_figure, groups), "calibration": draw(calibration_figure, groups)}


def precision_recall_figure(groups):
    """Precision over recall, with the AP of both readings."""
    return _curves(groups, precision_recall_curve, "ap", "AP", "recall (TPR)", "precision (PPV)", "steps-pre",
                   "lower left")


def roc_figure(groups):
    """ROC curves, with the AUC of both readings."""
    return _curves(groups, roc_curve, "auc", "AUC", "false positive rate (1 - TNR)", "true positive rate (TPR)",
                   "default", "lower right")


def _curves(groups, curve, key, name, xlabel, ylabel, drawstyle, where):
    figure, panels = _panels(groups, 4.9, 4.9)
    for axes, group in zip(panels, groups):
        for at, table in enumerate(group.tables):
            label = f"each model: mean {name} {group.per_fold[key]}" if at == 0 else None
            axes.plot(*_points(curve, table), drawstyle=drawstyle, color=NEGATIVE, lw=0.9, alpha=0.75, label=label)
        axes.plot(*_points(curve, group.ensemble.predictions), drawstyle=drawstyle, color=POSITIVE, lw=2.2,
                  label=f"ensemble: {name} {group.ensemble.ranking[key]}")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=xlabel, ylabel=ylabel, title=_title(group))
        axes.grid(alpha=0.25, lw=0.6)
        axes.legend(loc=where)
    return figure


def confusion_figure(groups):
    """Counts of the majority vote."""
    figure, panels = _panels(groups, 3.9, 4.0)
    for axes, group in zip(panels, groups):
        confusion_panel(axes, group.ensemble.confusion, f"{_title(group)}\nmajority vote of {group.ensemble.models}")
    return figure


def calibration_figure(groups):
    """Reliability of the mean probability."""
    figure, panels = _panels(groups, 5.2, 5.8)
    for axes, group in zip(panels, groups):
        reliability_panel(axes, group.calibration, f"{_title(group)}; mean probability")
    return figure


def _panels(groups, width, height):
    columns = min(COLUMNS, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(width * columns + 0.3, height * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(groups):]:
        axes.set_axis_off()
    return figure, panels


def _points(curve, table):
    try:
        return curve(table.y_true, table.y_prob)
    except MetricUndefined:
        return [], []


def _title(group):
    return f"{group.name}: " + "{bags} bags, {positives} positive".format(**group.counts)
