"""Two ways of training the same runs, test set by test set: what the fast search changes against `scoring=exact`.

Both folders hold runs of the same sizes, folds and seeds on the same data. Difference is the first's average precision
less the second's, with a 95 % interval and p from a bootstrap by patient, and the same of AUC by DeLong's test.

    python benchmarks/two_ways.py EXACT FAST --out docs/results/exact.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TABLE = "predictions-test.csv"
RESAMPLES = 2000


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="folder with runs below it")
    parser.add_argument("second", help="folder with the same runs, made in another way")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import write_csv

    first, second = Path(given.first), Path(given.second)
    runs = (path.parent.relative_to(first) for path in first.rglob(TABLE))
    shared = sorted(run for run in runs if (second / run / TABLE).exists())
    if not shared:
        print(f"two_ways: Expected runs that both folders have. Received: none in {first}, {second}.", file=sys.stderr)
        return 2
    rows = [compared(run, first / run / TABLE, second / run / TABLE) for run in shared]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if given.out:
        write_csv(given.out, rows)
    return 0


def compared(run, first, second):
    """The row of one pair of tables."""
    from mil_tf.evaluation.intervals import PatientBootstrap
    from mil_tf.evaluation.metrics import ranking_metrics
    from mil_tf.evaluation.paired import compare
    from mil_tf.evaluation.tables import read_predictions

    one, other = read_predictions(first), read_predictions(second)
    place = {id: at for at, id in enumerate(other.id.tolist())}
    scores = one.y_prob, other.y_prob[np.array([place[id] for id in one.id.tolist()])]
    found = compare(one.y_true, *scores, one.patient, PatientBootstrap(one.patient, RESAMPLES, 0))
    aps = [ranking_metrics(one.y_true, score)[0] for score in scores]
    row = {"run": run.as_posix(), "scans": len(one.id), "ap_first": f"{aps[0]:.3f}", "ap_second": f"{aps[1]:.3f}"}
    for metric, each in found.items():
        row |= {f"{metric}_{name}": f"{getattr(each, name):+.3f}" for name in ("value", "low", "high")}
        row[f"{metric}_p"] = f"{each.p:.2g}"
    return row


if __name__ == "__main__":
    sys.exit(main())
