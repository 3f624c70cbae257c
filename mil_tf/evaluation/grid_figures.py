"""Figures of a grid: metrics against the number of bags, precision and recall at each size, both confusions."""

import numpy as np
from matplotlib.figure import Figure

from mil_tf.evaluation.cohort import PAPER_RULE
from mil_tf.evaluation.figures import INK, NEGATIVE, POSITIVE, confusion_panel
from mil_tf.evaluation.grid_curves import precision_on
from mil_tf.evaluation.metrics import Confusion
from mil_tf.evaluation.study import AP, DRAWN

FILE_NAMES = dict(zip(DRAWN, ("ap_by_size", "auc_by_size", "tpr_by_size", "tnr_by_size")))
# From here on sizes are drawn on a logarithmic axis: the smaller ones would lie on one another (our decision).
WIDE_RANGE = 20
BOX = 0.45  # of the least distance between two sizes
COLUMNS = 3


def size_figure(study, key):
    """A metric against the number of bags: box and points per fold, the ensemble, the fitted law with its band."""
    figure = Figure(figsize=(8.6, 5.0) if key == study.first else (6.2, 4.7), layout="constrained")
    axes, bags = figure.subplots(), np.array([size.bags for size in study.sizes], dtype=np.float64)
    wide = bags[-1] / bags[0] > WIDE_RANGE
    place = np.log10(bags) if wide else bags
    width = BOX * (np.diff(place).min() if len(place) > 1 else 1.0)
    for at, size in zip(place, study.sizes):
        _box(axes, at, width, np.array(size.per_fold[key].values), size is study.sizes[0])
    _ensembles(axes, place, [size.together[key] for size in study.sizes], width)
    _law(axes, study.curves[key], np.log10 if wide else np.asarray)
    axes.set_xticks(place, [f"{size.bags:,}" for size in study.sizes])
    axes.set(xlabel="training bags" + (" (logarithmic)" if wide else ""), ylabel=study.drawn[key],
             xlim=(place[0] - 1.4 * width, place[-1] + 1.4 * width))
    axes.grid(alpha=0.25, lw=0.6, axis="y")
    # Below, where no box can lie.
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3 if key == study.first else 2)
    figure.suptitle(_caption(study), fontsize=10)
    return figure


def _box(axes, at, width, values, first):
    values = values[~np.isnan(values)]
    line = {"color": NEGATIVE, "lw": 1.2}
    if len(values) > 1:
        axes.boxplot(values, positions=[at], widths=width, showfliers=False, whis=(0, 100), manage_ticks=False,
                     boxprops=line, whiskerprops=line, capprops=line, medianprops={**line, "lw": 2})
    # Spread out sideways in the order they came, so that equal values do not hide one another.
    beside = at + width * np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else [at] * len(values)
    axes.plot(beside, values, ls="none", marker="o", ms=4.5, color=NEGATIVE, alpha=0.75, zorder=3,
              label="per fold: a point a model, box of quartiles" if first else None)


def _ensembles(axes, place, estimates, width):
    known = [(at, one) for at, one in zip(place, estimates) if not np.isnan(one.value)]
    if not known:
        return
    at, value = np.array([at for at, _ in known]) + 0.72 * width, np.array([one.value for _, one in known])
    ends = np.abs([[one.value - one.low, one.high - one.value] for _, one in known]).T
    axes.errorbar(at, value, np.nan_to_num(ends), ls="none", marker="D", ms=5, color=POSITIVE, elinewidth=1, capsize=2,
                  zorder=4, label="ensemble, 95 % over patients")


def _law(axes, curve, scale):
    if isinstance(curve, str):
        axes.plot([], [], ls="none", label=f"law {curve.split(':')[0]}")
        return
    at = scale(curve.bags)
    if curve.patients is not None:
        axes.fill_between(at, *curve.patients, color=INK, alpha=0.08, lw=0, label="95 %, and other test patients")
    if curve.folds is not None:
        axes.fill_between(at, *curve.folds, color=INK, alpha=0.16, lw=0, label="95 %, other training sets")
    axes.plot(at, curve.value, color=INK, lw=1.6, label="fitted law", zorder=2)


def precision_recall_figure(study):
    """Precision over recall, a panel a size: each model, their vertical mean with its band, and the ensemble."""
    rows = -(-len(study.sizes) // COLUMNS)
    columns = min(COLUMNS, len(study.sizes))
    figure = Figure(figsize=(3.5 * columns + 0.5, 3.3 * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.ravel()[len(study.sizes):]:
        axes.set_axis_off()
    for axes, size in zip(grid.ravel(), study.sizes):
        _precision_recall(axes, size)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    for axes in grid.ravel()[max(0, len(study.sizes) - columns) : len(study.sizes)]:
        axes.set_xlabel("recall (TPR)")  # the lowest of each column, which need not be in the last row
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("precision (PPV)")
    figure.suptitle(_caption(study), fontsize=10)
    return figure


def _precision_recall(axes, size):
    found = precision_on(size)
    if found is not None:
        for place, line in enumerate(found.models):
            axes.plot(found.recall, line, drawstyle="steps-pre", color=NEGATIVE, lw=0.7, alpha=0.45,
                      label="one model" if place == 0 else None)
        axes.fill_between(found.recall, found.low, found.high, step="pre", color=NEGATIVE, alpha=0.25, lw=0,
                          label="95 % of the mean, over folds")
        axes.plot(found.recall, found.mean, drawstyle="steps-pre", color=NEGATIVE, lw=2.2, label="mean over folds")
        if found.ensemble is not None:
            axes.plot(found.recall, found.ensemble, drawstyle="steps-pre", color=POSITIVE, lw=1.3, label="ensemble")
    axes.set_title(f"{size.bags:,} bags: AP {size.per_fold[AP].mean:.3f} per fold"
                   + ("" if np.isnan(size.together[AP].value) else f", {size.together[AP].value:.3f} ensemble"),
                   fontsize=9.5)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.grid(alpha=0.25, lw=0.6)


def confusion_figure(study):
    """Counts of the largest size at 0.5: the mean of the models, and the majority's vote."""
    size = study.largest
    panels = [(size.mean_counts[PAPER_RULE], f"per fold: mean of {len(size.members)} models")]
    if PAPER_RULE in size.ensembles:
        panels.append((size.ensembles[PAPER_RULE].confusion, "ensemble: majority vote"))
    figure = Figure(figsize=(3.5 * len(panels) + 0.4, 3.7), layout="constrained")
    for axes, (counts, title) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        confusion_panel(axes, Confusion(*counts), title)
    figure.suptitle(f"{size.bags:,} training bags, decided at 0.5; {_caption(study)}", fontsize=10)
    return figure


def _caption(study):
    return f"{study.cohort}: {study.sample}"
