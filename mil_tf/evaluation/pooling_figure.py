"""kraus2016's figure 2: what a pooling answers to the share of a feature map that is activated.

On that share of the positions p is 1, elsewhere 0. Left the poolings of the paper at its parameters, the run's own
strong; right, for noisy-AND, the curve of each class at the threshold it has learned. Only numpy and scipy are needed,
and `pooling.json` of a run: {"pooling": "noisy_and", "slope": a, "thresholds": {class: b}}, or {"pooling": name,
"r": r or null}.
"""

from numbers import Real
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.special import log_expit

from mil_tf.evaluation.figures import INK, NEGATIVE, POSITIVE

COLUMNS = ("pooling", "parameter", "class", "threshold", "share", "activation")
SHARES = np.linspace(0, 1, 201)
MIDDLE = 0.5  # b of the left panel, where noisy-AND starts
# Table 1 of kraus2016; the mean is r = 1 of the generalised mean. One certain instance is all that max, noisy-OR and
# ISR ask for, so they are one line.
COMPARED = {"max": (None,), "mean": (None,), "generalized_mean": (2.5, 5.0), "log_sum_exp": (1.0, 2.5, 5.0),
            "noisy_and": (5.0, 7.5, 10.0)}
SAME = {"noisy_or": "max", "isr": "max"}
SAME_NAMES = {"max": "max", "noisy_or": "noisy-OR", "isr": "ISR"}
NAMES = {"max": "max, noisy-OR and ISR", "mean": "mean (GM, r = 1)", "generalized_mean": "GM, r = {:g}",
         "log_sum_exp": "LSE, r = {:g}", "noisy_and": "noisy-AND, a = {:g}, b = 0.5"}
GREEN = "#12946f"  # with the two of the house, of Okabe and Ito's colours
HUES = {"max": INK, "mean": INK, "generalized_mean": GREEN, "log_sum_exp": NEGATIVE, "noisy_and": POSITIVE}
DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)))
# Six colours in three dashes tell 18 classes apart, neighbours by their colour.
CLASS_HUES = (NEGATIVE, "#d99a00", GREEN, POSITIVE, "#c46f9f", "#808890")


class Line(NamedTuple):
    """A curve: of a pooling with its parameter, a or r; of a class with its threshold b, or of no class, ""."""

    pooling: str
    parameter: float | None
    name: str
    threshold: float | None
    activation: np.ndarray


def activation(pooling, share, parameter=None, threshold=MIDDLE):
    """What a pooling answers where a share of the instances is 1 and the others are 0 (kraus2016, eq. 3 and 4).

    Args:
        pooling: "max", "noisy_or", "isr", "mean", "generalized_mean", "log_sum_exp" or "noisy_and".
        share: of 0 to 1, any shape.
        parameter: r of the means, a of noisy_and.
        threshold: b of noisy_and, 0 to 1, both included.

    Returns:
        float64 of the shape of `share`.
    """
    share = np.asarray(share, np.float64)
    if SAME.get(pooling, pooling) == "max":
        return (share > 0).astype(np.float64)
    if pooling == "mean":
        return share
    if pooling == "generalized_mean":
        return share ** (1 / parameter)
    if pooling == "log_sum_exp":
        # log(1 + share (e^r - 1)) / r, for r of any size.
        with np.errstate(divide="ignore"):
            return np.logaddexp(np.log1p(-share), np.log(share) + parameter) / parameter
    # As mil_tf.pooling.noisy_and: no difference cancels, whatever a is and however near b is to an end.
    rise = np.exp(log_expit(parameter * (share - threshold)) - log_expit(parameter * (1 - threshold)))
    return rise * np.expm1(-parameter * share) / np.expm1(-parameter)


def curves(told):
    """The figure of a run's pooling.

    Args:
        told: what `pooling.json` holds.

    Returns:
        matplotlib Figure: one panel, or two for noisy-AND.

    Raises:
        ValueError: no pooling of kraus2016 is told of, or a parameter or a threshold is missing or cannot be.
    """
    compared, learned = _compared(told), _learned(told)
    figure = Figure(figsize=(11.4 if learned else 5.6, 6.0), layout="constrained")
    panels = figure.subplots(1, 2 if learned else 1, squeeze=False)[0]
    _poolings(panels[0], compared, _own(told), SAME_NAMES.get(told["pooling"]))
    if learned:
        _classes(panels[1], learned)
    for axes in panels:
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel="share of the feature map that is activated",
                 ylabel="activation of the pooling")
        axes.grid(alpha=0.25, lw=0.6)
    return figure


def rows(told):
    """Every point of the figure under COLUMNS: the lines of the left panel, then the classes by name."""
    lines = [*_compared(told), *sorted(_learned(told), key=lambda line: line.name)]
    return [[*line[:4], float(share), float(one)] for line in lines for share, one in zip(SHARES, line.activation)]


def _compared(told):
    """The lines of the left panel: the paper's, and the run's own where its parameter is another."""
    pooling, own = _own(told)
    parameters = {name: sorted({*found, own}) if name == pooling and own else found for name, found in COMPARED.items()}
    return [Line(name, one, "", MIDDLE if name == "noisy_and" else None, activation(name, SHARES, one))
            for name, found in parameters.items() for one in found]


def _own(told):
    """(pooling, parameter) of the run, under the names of COMPARED."""
    pooling = told.get("pooling")
    if pooling not in {*COMPARED, *SAME}:
        raise ValueError(f"Expected the pooling as one of {', '.join([*COMPARED, *SAME])}. Received: {pooling!r}")
    if pooling not in ("generalized_mean", "log_sum_exp", "noisy_and"):
        return SAME.get(pooling, pooling), None
    key = "slope" if pooling == "noisy_and" else "r"
    parameter = _number(told.get(key))
    if not 0 < parameter < np.inf:
        raise ValueError(f"Expected `{key}` of {pooling} as a number above 0. Received: {told.get(key)!r}")
    return ("mean", None) if (pooling, parameter) == ("generalized_mean", 1) else (pooling, parameter)


def _learned(told):
    """The lines of the right panel, by threshold; of another pooling than noisy-AND, none."""
    pooling, slope = _own(told)
    if pooling != "noisy_and":
        return []
    thresholds = told.get("thresholds")
    if not isinstance(thresholds, dict) or not thresholds:
        raise ValueError(f"Expected `thresholds` of noisy_and as {{class: b}}. Received: {thresholds!r}")
    for name, b in thresholds.items():
        if not 0 <= _number(b) <= 1:
            raise ValueError(f"Expected the threshold of class {name!r} between 0 and 1. Received: {b!r}")
    return [Line(pooling, slope, name, b, activation(pooling, SHARES, slope, b))
            for name, b in sorted(thresholds.items(), key=lambda one: (one[1], one[0]))]


def _number(value):
    """As a float; NaN, which is in no range, for what is no number."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan


def _poolings(axes, lines, own, called):
    mark = f" (this run: {called})" if called else " (this run)"
    dashes = {name: iter([*reversed(DASHES), *DASHES]) for name in COMPARED}
    for line in lines:
        strong = (line.pooling, line.parameter) == own
        axes.plot(SHARES, line.activation, color=HUES[line.pooling], lw=3 if strong else 1.3, zorder=3 if strong else 2,
                  ls=":" if line.pooling == "max" else "-" if line.pooling == "mean" else next(dashes[line.pooling]),
                  # From 0 on: one position is enough.
                  drawstyle="steps-pre" if line.pooling == "max" else "default",
                  label=NAMES[line.pooling].format(line.parameter) + (mark if strong else ""))
    axes.set_title("poolings compared")
    # Below, as there is no corner without a curve.
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0, fontsize=8, ncols=2)


def _classes(axes, lines):
    for place, line in enumerate(lines):
        colour, dash = CLASS_HUES[place % len(CLASS_HUES)], DASHES[place // len(CLASS_HUES) % len(DASHES)]
        axes.plot(SHARES, line.activation, color=colour, ls=dash, lw=1.6,
                  label=f"{line.name}, b = {_told(line.threshold)}")
    axes.set_title(f"noisy-AND learned, a = {lines[0].parameter:g}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, fontsize=8)


def _told(b):
    """A threshold in three places; near an end, how far it is from there."""
    if 0.001 <= b <= 0.999 or b in (0, 1):
        return f"{b:.3f}"
    return f"{b:.1e}" if b < 0.5 else f"1 - {1 - b:.1e}"
