"""Figures of runs on fields: confusion of the classes, average precision of each, calibration, pooling, training."""

import textwrap

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mil_tf.evaluation.fields.names import IMAGE, LEVELS, TREATMENT
from mil_tf.evaluation.figures import INK, NEGATIVE, POSITIVE, draw, history_figure, reliability_panel

FIGURES = {"confusion": "Confusion of the images", "confusion_treatments": "Confusion of the treatments",
           "classes": "Average precision of each class",
           "calibration": "Calibration: what the highest probabilities mean",
           "pooling": "Pooling: the answer of the MIL layer over the mean of its positions", "history": "Training"}
HISTORY = {"validation error and mean AP": {"validation_map": POSITIVE, "validation_error": NEGATIVE}}


def draw_all(scores, history, pooling=None):
    """Every figure of a report: name -> Figure. The last of `scores` is the cohort that answers.

    Args:
        history: columns of history.csv, {} where there is none.
        pooling: what pooling.json of the run holds, None where there is none.
    """
    score = scores[-1]
    drawn = {name: draw(confusion_figure, score, level)
             for name, level in (("confusion", IMAGE), ("confusion_treatments", TREATMENT))
             if level in score.levels and score.levels[level].single}
    drawn |= {"classes": draw(classes_figure, score), "calibration": draw(calibration_figure, score)}
    drawn |= _pooling(pooling)
    if "epoch" in history:
        drawn["history"] = draw(history_figure, history, scores[0], HISTORY)
    return drawn


def confusion_figure(score, name):
    """True class by called class of the rows with exactly one: counts, shaded by the share of their true class."""
    level = score.levels[name]
    count = len(level.classes)
    side = max(4.2, 1.9 + 0.42 * count)  # less is too narrow for the title
    figure = Figure(figsize=(side + 0.2, side + 0.4), layout="constrained")
    axes = figure.subplots()
    shares = level.confusion / np.maximum(1, level.confusion.sum(axis=1, keepdims=True))
    _tiles(axes, shares)
    for (row, column), cases in np.ndenumerate(level.confusion):
        if cases:
            axes.text(column + 0.5, row + 0.5, f"{cases}", ha="center", va="center", fontsize=9)
    axes.set(xlim=(0, count), ylim=(count, 0), xlabel="called", ylabel="true", aspect="equal")
    axes.set_xticks(np.arange(count) + 0.5, level.classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(np.arange(count) + 0.5, [f"{each} ({total})" for each, total in
                                             zip(level.classes, level.confusion.sum(axis=1))], fontsize=9)
    axes.tick_params(length=0)
    figure.suptitle(f"{score.name}, {LEVELS[name]}\naccuracy {level.accuracy}\nclass-mean accuracy {level.class_mean}\n"
                    "shaded by the share of the true class", fontsize=10)
    return figure


def _tiles(axes, shares):
    """A square a pair of classes, the right ones in one colour and the wrong ones in another."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    places = [(column, row) for row, column in np.ndindex(shares.shape)]
    colours = [(*to_rgb(NEGATIVE if row == column else POSITIVE), 0.03 + 0.57 * shares[row, column])
               for column, row in places]
    axes.add_collection(PolyCollection([corners + place for place in places], facecolors=colours, edgecolors="none"))


def classes_figure(score):
    """Average precision of every class with its interval, and what chance would score: its share of images."""
    level, classes = score.levels[IMAGE], score.predictions.classes
    figure = Figure(figsize=(7.0, 1.5 + 0.3 * len(classes)), layout="constrained")
    axes, place = figure.subplots(), np.arange(len(classes))
    value, low, high = np.array([level.ranked.ap[each][:3] for each in classes]).T
    axes.barh(place, np.nan_to_num(value), height=0.62, color=NEGATIVE, alpha=0.75, label="average precision")
    axes.errorbar(value, place, xerr=np.nan_to_num(np.abs([value - low, high - value])), ls="none", color=INK,
                  elinewidth=1, capsize=2, label="95 % interval")
    axes.plot(score.predictions.y_true.mean(axis=0), place, ls="none", marker="|", ms=11, mew=2, color=POSITIVE,
              label="by chance: share of images")
    if not np.isnan(level.ranked.mean_ap.value):
        axes.axvline(level.ranked.mean_ap.value, color=INK, lw=0.9, ls=":", label="mean over classes")
    for at in place[np.isnan(value)]:
        axes.text(0.01, at, "undefined", va="center", fontsize=9)
    counts = score.predictions.y_true.sum(axis=0)
    axes.set_yticks(place, [f"{each} ({count})" for each, count in zip(classes, counts)], fontsize=9)
    axes.set(xlim=(0, 1.02), ylim=(len(classes) - 0.4, -0.6), xlabel="average precision, class against the rest")
    axes.grid(alpha=0.25, lw=0.6, axis="x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(f"{_caption(score)}\nmean average precision {level.ranked.mean_ap}", fontsize=10)
    return figure


def calibration_figure(score):
    """Reliability of the images' highest probabilities."""
    figure = Figure(figsize=(5.7, 5.8), layout="constrained")
    axes, share = figure.subplots(), "share that has the class called"
    reliability_panel(axes, score.calibration, _caption(score, 55), share, "images")
    return figure


def _caption(score, width=80):
    return textwrap.fill(f"{score.name}: {score.sample}", width)


def _pooling(pooling):
    """{name: Figure} of the pooling's curves, where the run says what its pooling is."""
    if pooling is None:
        return {}
    try:
        from mil_tf.evaluation import pooling_figure
    except ImportError:
        return {}
    return {"pooling": draw(pooling_figure.curves, pooling)}
