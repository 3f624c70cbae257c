"""Loopy belief propagation against exact answers, on random grids, from weak couplings to strong ones.

Grids are drawn whose pixels' log odds are normal, with a standard deviation of `spread`. Exact marginals and the
likeliest labelling are found column by column (a chain whose states are the labellings of a column). A coupling J
makes equal neighbours e^J times as likely as unequal ones.

    python benchmarks/belief.py --draws 100 --seeds 3 --out docs/results/belief.csv

A row has, of a coupling, a spread and a size: mean and largest error of the marginals, the share of pixels whose
likelier label is the exact one (`marginal_labels`), and that of max-product against the likeliest labelling
(`map_labels`), the share of grids whose labelling is it or one as likely (`map_found`), the greatest log odds that
another is short of it, and how many grids converged. --speed adds seconds of a grid of 1000 x 1000 to its end.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

COUPLINGS = (-1.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SPREADS = (0.5, 2.0)
SIZES = ((4, 4), (8, 8))
TIE = 1e-9  # log odds; within rounding
LARGE = 1000


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100, help="grids a seed (default: 100)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to S-1 (default: 3)")
    parser.add_argument("--damping", type=float, default=0.5, help="of the messages (default: 0.5)")
    parser.add_argument("--iterations", type=int, default=200, help="at most (default: 200)")
    parser.add_argument("--speed", action="store_true", help="only time a grid of 1000 x 1000")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import write_csv

    results = []
    for row in speeds() if given.speed else measured(given):
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        results.append(row)
    if given.out:
        write_csv(given.out, results)
    return 0


def measured(given):
    """Yields a row a coupling, spread and size."""
    for coupling in COUPLINGS:
        for spread in SPREADS:
            for size in SIZES:
                found = [compared(unary, coupling, given.damping, given.iterations)
                         for unary in drawn(size, spread, given.draws, given.seeds)]
                yield {"coupling": coupling, "spread": spread, "grid": "x".join(map(str, size)),
                       "seeds": given.seeds, "grids": len(found), **_row(found)}


def drawn(size, spread, draws, seeds):
    """Yields log odds of grids, the same ones for every coupling."""
    for seed in range(seeds):
        rng = np.random.default_rng([seed, *size, int(1000 * spread)])
        for _ in range(draws):
            yield rng.normal(0, spread, size)


def compared(unary, coupling, damping=0.5, iterations=200):
    """How belief propagation meets the exact answers on one grid, {measure: value}."""
    from mil_tf.localization.belief import belief_propagation

    summed, best = (belief_propagation(unary, coupling, damping, iterations=iterations, kind=kind)
                    for kind in ("sum", "max"))
    exact, labels = exact_marginals(unary, coupling), likeliest(unary, coupling)
    short = log_odds(labels, unary, coupling) - log_odds(best.labels, unary, coupling)
    return {"errors": np.abs(summed.marginals - exact), "marginal_labels": summed.labels == (exact > 0.5),
            "map_labels": best.labels == labels, "map_found": short < TIE, "map_short": short,
            "sum_converged": summed.converged, "max_converged": best.converged, "iterations": summed.iterations}


def _row(found):
    errors = np.stack([each["errors"] for each in found])
    shares = {name: round(float(np.mean([each[name] for each in found])), 4)
              for name in ("marginal_labels", "map_labels", "map_found", "sum_converged", "max_converged")}
    return {"mean_error": round(float(errors.mean()), 5), "largest_error": round(float(errors.max()), 5), **shares,
            "map_short": round(max(each["map_short"] for each in found), 3),
            "iterations": int(np.median([each["iterations"] for each in found]))}


def log_odds(labels, unary, coupling):
    """The exponent of a labelling's probability."""
    same = (labels[1:] == labels[:-1]).sum() + (labels[:, 1:] == labels[:, :-1]).sum()
    return float((unary * labels).sum() + coupling * same)


def exact_marginals(unary, coupling):
    """p(x_i = 1), (h, w), by sums forth and back along the columns."""
    states, within, between = _columns(unary, coupling)
    before, after = [within[0]], [np.zeros(len(states))]
    for column in within[1:]:
        before.append(column + np.logaddexp.reduce(before[-1][:, None] + between, axis=0))
    for column in within[:0:-1]:
        after.insert(0, np.logaddexp.reduce((after[0] + column)[None] + between, axis=1))
    odds = np.stack(before) + np.stack(after)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True) @ states).T


def likeliest(unary, coupling):
    """The likeliest labelling, bool (h, w), by maxima along the columns."""
    states, within, between = _columns(unary, coupling)
    best, from_ = within[0], []
    for column in within[1:]:
        scores = best[:, None] + between
        from_.append(scores.argmax(axis=0))
        best = column + scores.max(axis=0)
    path = [int(best.argmax())]
    for each in reversed(from_):
        path.insert(0, int(each[path[0]]))
    return states[path].T.astype(bool)


def _columns(unary, coupling):
    """(labellings of a column (s, h), the log odds of each in each column (w, s), those of two beside each other)."""
    height = len(unary)
    states = (np.arange(2**height)[:, None] >> np.arange(height) & 1).astype(np.float64)
    inside = coupling * (states[:, 1:] == states[:, :-1]).sum(axis=1)
    between = coupling * (states[:, None] == states[None]).sum(axis=2)
    return states, (states @ unary).T + inside, between


def speeds():
    """Yields seconds of a large grid: of cells with a tenth of the pixels wrong, at several couplings."""
    from mil_tf.localization.belief import belief_propagation

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:LARGE, :LARGE] % 50 - 25
    truth = rows**2 + columns**2 < 15**2
    unary = np.where(truth ^ (rng.random(truth.shape) < 0.1), 1.0, -1.0) * np.log(9)
    for coupling in (0.5, 1.0, 1.5):
        started = time.perf_counter()
        found = belief_propagation(unary, coupling)
        yield {"coupling": coupling, "grid": f"{LARGE}x{LARGE}", "seconds": round(time.perf_counter() - started, 2),
               "iterations": found.iterations, "converged": found.converged,
               "right_before": 0.9, "right_after": round(float((found.labels == truth).mean()), 4)}


if __name__ == "__main__":
    sys.exit(main())
