"""Figures of a cohort. Each function returns a matplotlib Figure; `save` writes it, `inline_svg` embeds it.

Only matplotlib's object interface is used, so that nothing here touches the caller's pyplot state. One ink
colour draws all text and axes: in a page it becomes `currentColor`, so a figure reads on light and on dark.
"""

import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mil_tf.evaluation.metrics import MetricUndefined, precision_recall_curve, roc_curve
from mil_tf.evaluation.slices import group_slices
from mil_tf.evaluation.tables import UNKNOWN
from mil_tf.nouns import SCANS

INK = "#1d2329"
# Okabe and Ito's blue and vermillion: told apart by the colour-blind, legible on white and on near-black.
NEGATIVE, POSITIVE = "#2b87c8", "#d5622b"
STYLE = {"text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK,
         "ytick.color": INK, "font.size": 10, "axes.titlesize": 10.5, "axes.spines.top": False,
         "axes.spines.right": False, "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 9,
         "svg.fonttype": "none", "svg.hashsalt": "mil_tf", "pdf.fonttype": 42}
PROFILES_PER_CLASS = 3
HISTORY_NAMES = {"train_loss": "training loss", "validation_loss": "validation loss",
                 "validation_ap": "validation AP", "validation_auc": "validation AUC",
                 "validation_map": "validation mean AP", "validation_error": "validation error"}
MEASURED = {"validation AP and AUC": {"validation_ap": POSITIVE, "validation_auc": NEGATIVE}}


def draw(figure_function, *args):
    """Call a figure function under the house style; its layout is solved once, for all files it goes to."""
    with matplotlib.rc_context(STYLE):
        figure = figure_function(*args)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        return figure


def draw_all(scores, history):
    """Every figure of a report: name -> Figure. The last of `scores` is the cohort that answers."""
    score = scores[-1]
    drawn = {"precision_recall": draw(precision_recall_figure, scores), "roc": draw(roc_figure, scores),
             "confusion": draw(confusion_figure, score), "calibration": draw(calibration_figure, score),
             "histogram": draw(histogram_figure, score)}
    if score.instances is not None and score.nouns == SCANS:
        drawn["profiles"] = draw(profile_figure, score)
    if "epoch" in history:
        drawn["history"] = draw(history_figure, history, scores[0])
    return drawn


def save(figure, folder, name):
    """Write `name`.png (150 dpi, white) and `name`.pdf into a folder."""
    with matplotlib.rc_context(STYLE):
        figure.savefig(folder / f"{name}.png", dpi=150, facecolor="white")
        figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})


def inline_svg(figure, name):
    """The figure as an <svg> element without links, for a page; `name` keeps its ids from clashing there."""
    buffer = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg"):], flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    # A font list of the page's own: the file's names fonts that the reader may not have.
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    return svg.replace(INK, "currentColor")


def confusion_figure(score):
    """Counts of a cohort at each threshold, shaded by the share of their true class."""
    figure = Figure(figsize=(3.5 * len(score.decisions) + 0.4, 3.7), layout="constrained")
    for axes, decision in zip(figure.subplots(1, len(score.decisions), squeeze=False)[0], score.decisions):
        confusion_panel(axes, decision.confusion, decision.label)
    figure.suptitle(_caption(score), fontsize=10)
    return figure


def confusion_panel(axes, confusion, title):
    """Four counts, which may be means, each with its share of the true class, which also shades it."""
    counts = np.array(confusion).reshape(2, 2)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    for (row, column), count in np.ndenumerate(counts):
        colour = NEGATIVE if row == column else POSITIVE
        axes.fill_between([column, column + 1], row, row + 1, color=colour, lw=0,
                          alpha=0.06 + 0.44 * shares[row, column])
        told = f"{count:.0f}" if count == round(count) else f"{count:.1f}"
        axes.text(column + 0.5, row + 0.5, f"{told}\n{100 * shares[row, column]:.1f} %", ha="center", va="center",
                  fontsize=13)
    names = ["negative", "positive"]
    axes.set(xlim=(0, 2), ylim=(2, 0), xlabel="called", ylabel="true", aspect="equal", title=title)
    axes.set_xticks([0.5, 1.5], names)
    axes.set_yticks([0.5, 1.5], names, rotation=90, va="center")
    axes.tick_params(length=0)


def calibration_figure(score):
    """Reliability of a cohort's probabilities."""
    figure = Figure(figsize=(5.2, 5.8), layout="constrained")
    reliability_panel(figure.subplots(), score.calibration, _caption(score))
    return figure


def reliability_panel(axes, calibration, title, share="share of positives", noun="bags"):
    """Share of positives over mean probability, a point a bin with its interval and its number of bags."""
    bins = calibration.bins
    x, y = [one.probability for one in bins], np.array([one.positive.value for one in bins])
    reach = [y - [one.positive.low for one in bins], [one.positive.high for one in bins] - y]
    axes.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=":", label="probabilities that mean what they say")
    axes.errorbar(x, y, yerr=reach, color=POSITIVE, marker="o", ms=5, lw=1.2, elinewidth=1, capsize=2,
                  label=f"{share} with 95 % interval")
    for one, at in zip(bins, x):
        axes.annotate(f"{one.positive.n}", (at, -0.075), ha="center", va="center", fontsize=8, annotation_clip=False)
    axes.axhline(0, color=INK, lw=0.6)
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.12, 1.03), ylabel=share, title=title + "\n"
             f"expected calibration error {calibration.error}\nby chance alone {calibration.chance:.3f}",
             xlabel=f"mean probability of the bin (below the points: its number of {noun})")
    axes.grid(alpha=0.25, lw=0.6)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.15), borderaxespad=0)


def precision_recall_figure(scores):
    """Precision over recall of the cohorts, the last one strong; AP and its interval in the legend."""
    return _curves(scores, precision_recall_curve, "ap", "AP", "recall (TPR)", "precision (PPV)", "steps-pre",
                   "lower left")


def roc_figure(scores):
    """ROC curves of the cohorts, the last one strong; AUC and interval in the legend."""
    return _curves(scores, roc_curve, "auc", "AUC", "false positive rate (1 - TNR)",
                   "true positive rate (TPR)", "default", "lower right")


def _curves(scores, curve, key, name, xlabel, ylabel, drawstyle, where):
    figure = Figure(figsize=(5.2, 4.9), layout="constrained")
    axes = figure.subplots()
    for score in scores:
        strong = score is scores[-1]
        label = f"{score.name}: {name} {score.ranking[key]}\n{score.sample}"
        try:
            x, y = curve(score.predictions.y_true, score.predictions.y_prob)
        except MetricUndefined:
            x, y = [], []
        axes.plot(x, y, drawstyle=drawstyle, label=label, color=POSITIVE if strong else NEGATIVE,
                  lw=2.2 if strong else 1.2, ls="-" if strong else "--", zorder=3 if strong else 2)
    if key == "auc":
        axes.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=":", label="chance: AUC 0.500")
    else:
        chance = scores[-1].counts["positives"] / scores[-1].counts["bags"]
        axes.axhline(chance, color=INK, lw=0.8, ls=":", label=f"chance ({scores[-1].name}): AP {chance:.3f}")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.25, lw=0.6)
    axes.legend(loc=where)
    return figure


def history_figure(history, validation, measured=MEASURED):
    """Losses, and what was measured on the `validation` cohort, over epochs.

    `history` maps a column's name to floats, shape (epochs,), `measured` the words of an axis to {column: colour}; a
    column that is not there is not drawn.
    """
    panels = [("loss", {"train_loss": NEGATIVE, "validation_loss": POSITIVE}), *measured.items()]
    panels = [(label, [c for c in colours if c in history], colours) for label, colours in panels]
    panels = [panel for panel in panels if panel[1]]
    figure = Figure(figsize=(4.4 * len(panels) + 0.4, 3.4), layout="constrained")
    epoch = history["epoch"]
    for axes, (label, columns, colours) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for column in columns:
            axes.plot(epoch, history[column], color=colours[column], lw=1.8, label=HISTORY_NAMES[column],
                      ls="--" if "auc" in column else "-", marker="." if len(epoch) < 40 else None)
        best = _best_epoch(history)
        if best is not None:
            axes.axvline(best, color=INK, lw=0.8, ls=":", label=f"lowest validation loss, epoch {best:.0f}")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25, lw=0.6)
        axes.legend()
    figure.suptitle(_caption(validation), fontsize=10)
    return figure


def _best_epoch(history):
    loss = history.get("validation_loss")
    return None if loss is None or np.isnan(loss).all() else history["epoch"][np.nanargmin(loss)]


def histogram_figure(score):
    """Bags over their probability, by class, with the thresholds."""
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    axes, truth = figure.subplots(), score.predictions.y_true
    groups = [score.predictions.y_prob[truth == value] for value in (0, 1)]
    axes.hist(groups, bins=np.linspace(0, 1, 21), color=[NEGATIVE, POSITIVE],
              label=[f"negative (n = {len(groups[0])})", f"positive (n = {len(groups[1])})"])
    for decision, style in zip(score.decisions, (":", "--")):
        axes.axvline(decision.threshold, color=INK, ls=style, lw=1.2,
                     label=decision.label.removeprefix("at "))
    axes.set(xlim=(-0.01, 1.01), xlabel="bag probability", ylabel="number of bags", title=_caption(score))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def profile_figure(score):
    """Probability along the slices of some bags: of each class the most, middle and least probable."""
    slices = group_slices(score.predictions, score.instances)
    position = score.instances.position[np.lexsort((score.instances.source_index, _bag_rows(score)))]
    rows_of = {int(slices.bag_row[rows[0]]): rows for rows in slices.bags}
    chosen = [_choose_bags(score.predictions, rows_of, label) for label in (1, 0)]
    columns = max(1, *(len(bags) for bags in chosen))
    figure = Figure(figsize=(3.3 * columns, 5.2), layout="constrained")
    grid = figure.subplots(2, columns, squeeze=False, sharey=True)
    for line, bags, label in zip(grid, chosen, ("positive", "negative")):
        for axes in line[len(bags):]:
            axes.set_axis_off()
        for axes, bag in zip(line, bags):
            rows = rows_of[bag]
            _profile(axes, position[rows], slices.y_prob[rows], slices.y_true[rows])
            axes.set_title(f"{score.predictions.id[bag]}: {label}, {score.predictions.y_prob[bag]:.3f}")
    for axes in grid[:, 0]:
        axes.set_ylabel("slice probability")
    figure.supxlabel("slice position, patient's inferior to superior (mm)", fontsize=10)
    figure.suptitle(f"{score.name}: {sum(map(len, chosen))} of {score.sample}; "
                    "shaded: slices truly positive, open marks: truth unknown", fontsize=10)
    return figure


def _bag_rows(score):
    order = np.argsort(score.predictions.id)
    return order[np.searchsorted(score.predictions.id, score.instances.id, sorter=order)]


def _choose_bags(predictions, rows_of, label):
    bags = [bag for bag in np.argsort(-predictions.y_prob, kind="stable")
            if predictions.y_true[bag] == label and int(bag) in rows_of]
    picks = np.linspace(0, len(bags) - 1, min(PROFILES_PER_CLASS, len(bags))).round().astype(int)
    return [int(bags[pick]) for pick in picks]


def _profile(axes, position, probability, truth):
    order = np.argsort(position)
    position, probability, truth = position[order], probability[order], truth[order]
    edges = np.r_[position[0], (position[1:] + position[:-1]) / 2, position[-1]]
    for slot in np.flatnonzero(truth == 1):
        axes.axvspan(edges[slot], edges[slot + 1], color=POSITIVE, alpha=0.22, lw=0)
    axes.plot(position, probability, color=NEGATIVE, lw=1.2)
    for known, face in ((truth != UNKNOWN, NEGATIVE), (truth == UNKNOWN, "none")):
        axes.plot(position[known], probability[known], ls="none", marker="o", ms=3.2, mfc=face, mec=NEGATIVE)
    axes.axhline(0.5, color=INK, lw=0.8, ls=":")
    axes.set_ylim(-0.03, 1.03)


def _caption(score):
    return f"{score.name}: {score.sample}"
