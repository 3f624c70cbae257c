"""How often the cheap search picks another slice than the exact model, and by how much in probability.

A trained run scores every scan of a data set exactly and with its folded twin in each precision. For the twin alone and
for the search with its safety net (close calls are rescored exactly): the bags whose top slice is another one, how much
less probable it is at most by the exact model, and the slices that were rescored. `error` is the largest error of the
distance between the log odds of two of a bag's eight likeliest slices, over what the search allows for it
(mil_tf/training/search.py): above 1, the net would have a hole.

    python benchmarks/selection.py RUN --data DIR --out docs/results/selection.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

LIKELIEST, SATURATED = 8, 10.0  # slices of a bag; log odds
DTYPES = ("bfloat16", "float16", "float32")


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", help="a finished run")
    parser.add_argument("--data", required=True, help="folder of bags")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import write_csv

    rows = measure(given.run, given.data)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if given.out:
        write_csv(given.out, rows)
    return 0


def measure(run, data):
    """Returns a row a precision and kind of search."""
    from mil_tf import runs
    from mil_tf.data import ShardSource
    from mil_tf.training.run import trained
    from mil_tf.training.search import Search
    from tfrecords import Dataset, quiet

    quiet.tensorflow()
    dataset = Dataset(data)
    scorer = trained(run, runs.read_config(run)).scorer
    source = ShardSource(dataset, dataset.rows)
    exact = scorer(source, range(len(source)))
    rows = []
    for dtype in DTYPES:
        search = Search(scorer.model, scorer, dtype)
        found = search(source, range(len(source)))
        error = largest_error(search.odds(source, range(len(source))), exact)
        rows.append(row(dtype, "twin alone", [each.order[0] for each in found], exact, 0, error))
        settled = [each.indices[each.probabilities[:, 1].argmax()] for each in found]
        rescored = sum(len(each.indices) for each in found if len(each.indices) > 1)
        rows.append(row(dtype, "with the net", settled, exact, rescored, error))
    facts = runs.environment()
    about = {"processor": facts["hardware"]["processor"], "tensorflow": facts["versions"]["tensorflow"]}
    return [{**one, **about, "commit": facts["commit"]} for one in rows]


def row(dtype, search, picked, exact, rescored, error):
    """One row: `picked` holds the chosen slice of each bag, `exact` its probabilities (n, 2)."""
    behind = np.array([scores[:, 1].max() - scores[pick, 1] for scores, pick in zip(exact, picked)])
    other = int((behind > 0).sum())
    return {
        "dtype": dtype, "search": search, "bags": len(exact), "slices": sum(map(len, exact)), "other_slice": other,
        "other_percent": round(100 * other / len(exact), 2), "most_behind": float(f"{behind.max():.3g}"),
        "rescored_percent": round(100 * rescored / sum(map(len, exact)), 2), "error": float(f"{error:.3g}"),
    }


def largest_error(odds, exact):
    """The largest error of the distance between two of a bag's likeliest slices, over what is allowed for it.

    Slices that are saturated are left out: float32 probabilities no longer tell their log odds.
    """
    found = []
    for (approximate, allowed), scores in zip((each.T for each in odds), exact):
        true = np.log(scores[:, 1].astype(np.float64)) - np.log(scores[:, 0].astype(np.float64))
        top = np.argsort(-approximate)[:LIKELIEST]
        top = top[np.abs(true[top]) < SATURATED]
        wrong = approximate[top] - true[top]
        pairs = np.abs(wrong[:, None] - wrong) / (allowed[top][:, None] + allowed[top])
        found.append(pairs.max(initial=0.0))
    return max(found)


if __name__ == "__main__":
    sys.exit(main())
