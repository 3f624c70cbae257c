"""Figure 2 of lerousseau2020, from the rows of `benchmarks/alpha_beta.py`: a matrix of alpha by beta for each measure.

The paper has AUC, precision and recall; specificity is ours. A line of matrices a location, and one of all together.

    python benchmarks/alpha_beta_figure.py docs/results/alpha_beta.csv
"""

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MEASURES = {"auc": "AUC", "precision": "precision", "recall": "recall", "specificity": "specificity"}
MAP, DARK = "viridis", 0.6  # below so much of the scale the ink on a cell is white
ALL = "all"


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", metavar="CSV", help="of benchmarks/alpha_beta.py; the PNG is written beside it")
    given = parser.parse_args(args)
    from benchmarks.common import read_csv

    results = read_csv(given.results)
    if not results:
        wrong = f"Expected rows of benchmarks/alpha_beta.py. Received: {given.results}"
        print(f"alpha_beta_figure: {wrong}", file=sys.stderr)
        return 2
    write_figure(Path(given.results).with_suffix(".png"), results)
    return 0


def write_figure(path, results):
    """Writes the PNG of the matrices without background, and beside it, *_background.png, of those with."""
    import matplotlib

    from mil_tf.evaluation.figures import STYLE, draw

    for name, background in ((path.name, "no"), (f"{path.stem}_background.png", "yes")):
        figure = draw(matrices, results, background)
        with matplotlib.rc_context(STYLE):
            figure.savefig(path.with_name(name), dpi=110, facecolor="white")


def matrices(results, background="no"):
    """The Figure: a line a cohort and location, a column a measure; the numbers are means over seeds.

    Args:
        results: rows of the benchmark, as dicts.
        background: "no" or "yes", whose rows are drawn.
    """
    from matplotlib.figure import Figure

    lines = _lines(results)
    figure = Figure(figsize=(3.1 * len(MEASURES) + 0.5, 2.75 * len(lines) + 1.0), layout="constrained")
    panels = figure.subplots(len(lines), len(MEASURES), squeeze=False)
    for column, measure in enumerate(MEASURES):
        tables = [matrix(results, measure, *line, background) for line in lines]
        image = [_panel(axes, table, _scale(tables)) for axes, table in zip(panels[:, column], tables)][-1]
        panels[0, column].set_title(MEASURES[measure], fontsize=12, pad=10)
        panels[-1, column].set_xlabel("beta")
        figure.colorbar(image, ax=panels[:, column], location="bottom", shrink=0.8, aspect=24, pad=0.02,
                        label=MEASURES[measure])
    for axes, line in zip(panels[:, 0], lines):
        axes.set_ylabel(f"{line[1] if line[1] != ALL else 'all locations'}\n({line[0]})\n\nalpha")
    figure.suptitle(_caption(results, background), fontsize=10.5)
    return figure


def _lines(results):
    """[(cohort, location)]: of each cohort all together, then each location."""
    found = dict.fromkeys((row["cohort"], row["location"]) for row in results)
    return sorted(found, key=lambda line: (list(dict.fromkeys(c for c, _ in found)).index(line[0]), line[1] != ALL,
                                           line[1]))


def matrix(results, measure, cohort, location, background):
    """Means over seeds, float64 (alphas, betas) in the order of `axis_values`, NaN where there is none."""
    from benchmarks.alpha_beta_table import values_of

    alphas, betas = axis_values()
    found = np.full((len(alphas), len(betas)), np.nan)
    for (alpha, beta), values in values_of(results, measure, cohort, background, location).items():
        found[alphas.index(alpha), betas.index(beta)] = statistics.mean(values.values())
    return found


def axis_values():
    """(alphas, betas) of the configurations, ascending."""
    from benchmarks.alpha_beta import CONFIGURATIONS

    return tuple(sorted({each[place] for each in CONFIGURATIONS}, key=float) for place in (0, 1))


def _scale(tables):
    """Ends of the colours of a measure, the same for all its matrices."""
    values = np.concatenate([table[np.isfinite(table)] for table in tables])
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _panel(axes, table, scale):
    low, high = scale
    image = axes.imshow(np.ma.masked_invalid(table), cmap=MAP, vmin=low, vmax=high if high > low else low + 1e-9)
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            light = (value - low) / max(high - low, 1e-9) < DARK
            axes.text(column, row, f"{value:.3f}".removeprefix("0"), ha="center", va="center", fontsize=9.5,
                      color="white" if light else "black")
    alphas, betas = axis_values()
    axes.set_xticks(range(len(betas)), betas)
    axes.set_yticks(range(len(alphas)), alphas)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


def _caption(results, background):
    seeds = len({row["seed"] for row in results})
    told = "with background" if background == "yes" else "pixels of tissue alone"
    mean = f"mean of {seeds} seed{'s' * (seeds != 1)}"
    return f"Pixel by pixel, {told}; {mean}; precision, recall and specificity at each run's threshold"


if __name__ == "__main__":
    sys.exit(main())
