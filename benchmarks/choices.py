"""What decides whether top-instance learning generalises: normalisation, warm-up, input scaling, augmentation.

Every row trains the recipe's `quick` profile with one thing changed, on the training bags of one fold, for a fixed
number of epochs, and scores the fold's validation bags after the last epoch (the test bags are not touched). The mean
of the seeds with a 95 % interval (Student's t).

    python benchmarks/choices.py --data DIR --bags 300 --seeds 3 --out docs/results/choices.csv
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Row -> what is changed against the quick profile. Without a warm-up, larger steps go to the top slices. The last two
# rows keep the profile's small sizes and take the method of the variants `paper` and `released`.
_AT_ONCE = {"warm_up": 0, "learning_rate": 1e-3}
_LITERAL = {**_AT_ONCE, "scaling": "none", "augmentation": "none", "scoring": "exact"}
ROWS = {
    "default": {},
    "norm none": {"norm": "none"},
    "norm group": {"norm": "group"},
    "norm batch, never frozen": {"freeze_norm": False},
    "no zero-initialised residual": {"zero_residual": False},
    "no warm-up": _AT_ONCE,
    "no warm-up, norm none": {**_AT_ONCE, "norm": "none"},
    "window L40 W80 instead of ramps": {"scaling": "window"},
    "no augmentation": {"augmentation": "none"},
    "paper's form, small network": {**_LITERAL, "zero_residual": False},
    "released network": {**_LITERAL, "backbone": "released"},
    "searched exactly": {"scoring": "exact"},
    "searched in the head only": {"score_area": "head"},
    "searched among the 4 likeliest": {"rescore_top": 4},
}


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with bags, slice truth and splits")
    parser.add_argument("--bags", type=int, default=300, help="training bags (default: 300)")
    parser.add_argument("--epochs", type=int, help="epochs (default: the profile's)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to S-1 (default: 3)")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="NAME", help="which rows")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import summary, write_csv
    from tfrecords import Dataset

    dataset, results = Dataset(given.data), []
    for name in given.rows:
        results += [measure(name, seed, dataset, given) for seed in range(given.seeds)]
        print(summary(name, [r for r in results if r["row"] == name]), flush=True)
        if given.out:
            write_csv(given.out, results)
    return 0


def measure(name, seed, dataset, given):
    """Trains one row with one seed; returns its row of the table."""
    from benchmarks.common import learn
    from mil_tf.data import MemorySource, ShardSource, nested_subset
    from mil_tf.options import resolve
    from mil_tf.recipes import remedios2020 as recipe
    from tfrecords import reader

    epochs = {"max_epochs": given.epochs} if given.epochs else {}
    options = resolve(recipe.OPTIONS, recipe.PROFILES["quick"], epochs, ROWS[name])
    splits = dataset.splits(0)
    pool = ShardSource(dataset, splits["train"])
    rows = [splits["train"][i] for i in nested_subset(pool.labels, given.bags, seed)]
    train, held_out = (
        MemorySource([reader.read_bag(dataset.folder, row) for row in part]) for part in (rows, splits["validation"])
    )
    return {"row": name, "seed": seed, "bags": given.bags, **learn(options, seed, train, held_out)}


if __name__ == "__main__":
    sys.exit(main())
