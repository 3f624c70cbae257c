"""MNIST bags: what the recipe's `small` profile learns from 200 bag labels, and what the paper's form learns.

Bags of 16 to 32 digits, positive where 1 to 3 of them are nines; 200 training bags of MNIST's training images, 200
held-out bags of its test images. Bag and instance AUC of the held-out bags after the last epoch (nothing is chosen on
them, and no validation set is used), the mean of the seeds with a 95 % interval (Student's t).

    python benchmarks/mnist_bags.py --mnist mnist.npz --seeds 5 --out docs/results/mnist_bags.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Name -> what is changed against the `small` profile.
ROWS = {
    "small profile": {},
    "small, no warm-up": {"warm_up": 0},
    "resnet10, no norm": {"backbone": "resnet10", "width": 16, "stem": "small"},
    "resnet10, no norm, no warm-up": {"backbone": "resnet10", "width": 16, "stem": "small", "warm_up": 0},
    "resnet10, batch norm": {"backbone": "resnet10", "width": 16, "stem": "small", "norm": "batch"},
    "resnet10, batch norm, no warm-up": {
        "backbone": "resnet10", "width": 16, "stem": "small", "norm": "batch", "warm_up": 0,
    },
}
POSITIVE_DIGIT = 9
TRAIN_BAGS = HELD_OUT_BAGS = 200


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", required=True, help="mnist.npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to S-1 (default: 5)")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="NAME", help="which rows")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    if not Path(given.mnist).exists():
        print(f"mnist_bags: Expected mnist.npz. Received: {given.mnist}.", file=sys.stderr)
        return 2
    from benchmarks.common import summary, write_csv

    results = []
    with np.load(given.mnist) as digits:
        for name in given.rows:
            results += [measure(name, seed, digits) for seed in range(given.seeds)]
            print(summary(name, [r for r in results if r["row"] == name]), flush=True)
    if given.out:
        write_csv(given.out, results)
    return 0


def measure(name, seed, digits):
    """Trains one row with one seed; returns its row of the table."""
    from benchmarks.common import learn
    from mil_tf.data import MemorySource
    from mil_tf.options import resolve
    from mil_tf.recipes import remedios2020 as recipe

    options = resolve(recipe.OPTIONS, recipe.PROFILES["small"], ROWS[name])
    rng = np.random.default_rng(seed)
    train = MemorySource(make_bags(digits["x_train"], digits["y_train"], TRAIN_BAGS, rng))
    held_out = MemorySource(make_bags(digits["x_test"], digits["y_test"], HELD_OUT_BAGS, rng))
    return {"row": name, "seed": seed, **learn(options, seed, train, held_out)}


def make_bags(images, digits, count, rng):
    """Draws bags, every second one positive; pixel values 0 to 255 in place of HU."""
    nines, others = np.flatnonzero(digits == POSITIVE_DIGIT), np.flatnonzero(digits != POSITIVE_DIGIT)
    found = []
    for index in range(count):
        label, size = index % 2, int(rng.integers(16, 33))
        positives = int(rng.integers(1, 4)) if label else 0
        drawn = np.r_[rng.choice(nines, positives, False), rng.choice(others, size - positives, False)]
        rng.shuffle(drawn)
        found.append(as_bag(index, images, digits, drawn))
    return found


def as_bag(index, images, digits, drawn):
    """The Bag of the digits at the places `drawn`, positive where one is a nine."""
    from tfrecords import Bag

    truth = (digits[drawn] == POSITIVE_DIGIT).astype(np.int64)
    return Bag(
        id=f"bag-{index:04d}", patient=f"bag-{index:04d}", label=truth.max(keepdims=True),
        instances=images[drawn][..., None].astype(np.float16), source_index=np.arange(len(drawn)),
        instance_label=truth[:, None],
    )


if __name__ == "__main__":
    sys.exit(main())
