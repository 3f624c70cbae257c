"""MNIST bags of Ilse et al. 2018 (Attention-based deep multiple instance learning, section 4.2): a data-size curve.

A bag holds digits drawn at random, their number from a normal distribution of mean 10 and variance 2, and is positive
where one of them is a 9 (so that about two in three are). Training bags are drawn from MNIST's training images, 1,000
held-out bags from its test images; both anew for every seed. Bag and instance AUC of the held-out bags after the last
epoch: nothing is chosen on them, and no validation set is used.

    python benchmarks/mnist_curve.py --mnist mnist.npz --seeds 5 --out docs/results/mnist_curve.csv
    python benchmarks/mnist_curve.py --mnist mnist.npz --bags 200 --rows max mean noisy_or --out mnist_pooling.csv

"top instance" is the recipe's method; the other rows pool, by the operator of `mil_tf.pooling` that they name.
What is in --out already is kept, so that the benchmark can be stopped and gone on with.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TOP = "top instance"
POOLED = (
    "attention", "gated_attention", "max", "mean", "noisy_or", "isr", "generalized_mean", "log_sum_exp", "noisy_and",
)
CURVE = (TOP, "attention", "gated_attention")
SIZES = (50, 100, 150, 200, 300, 400, 500)  # Ilse et al. 2018, section 4.2
HELD_OUT = 1000  # there too
MEAN, VARIANCE = 10, 2
# Our decision: few bags are seen more often, up to so many visits in all, so that they have time to be learned; and the
# fewest epochs.
VISITS = {TOP: 12_000, "pooled": 5_000}
EPOCHS = {TOP: 24, "pooled": 16}
# Ilse et al. take a step a bag; four at twice their rate take 60 % of the time.
POOLED_STEP = {"window": 4, "learning_rate": 1e-3}


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", required=True, help="mnist.npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--bags", type=int, nargs="+", default=list(SIZES), metavar="N", help="training bags")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to S-1 (default: 5)")
    parser.add_argument(
        "--rows", nargs="+", default=CURVE, choices=(TOP, *POOLED), metavar="NAME",
        help=f"which rows (default: {', '.join(CURVE)})",
    )
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    if not Path(given.mnist).exists():
        print(f"mnist_curve: Expected mnist.npz. Received: {given.mnist}.", file=sys.stderr)
        return 2
    from benchmarks.common import read_csv, summary, write_csv

    results = read_csv(given.out)
    with np.load(given.mnist) as digits:
        for name, bags in ((name, bags) for name in given.rows for bags in given.bags):
            for seed in range(given.seeds):
                if not _of(results, name, bags, seed):
                    results.append(measure(name, bags, seed, digits))
                    if given.out:
                        write_csv(given.out, results)
            print(summary(f"{name}, {bags} bags", _of(results, name, bags)), flush=True)
    return 0


def measure(name, bags, seed, digits):
    """Trains one row on `bags` bags with one seed; returns its row of the table."""
    from benchmarks.ratios import machine
    from mil_tf.data import MemorySource

    kind = TOP if name == TOP else "pooled"
    epochs = max(EPOCHS[kind], round(VISITS[kind] / bags))
    rng = np.random.default_rng(seed)
    held_out = MemorySource(make_bags(digits["x_test"], digits["y_test"], HELD_OUT, rng))
    train = MemorySource(make_bags(digits["x_train"], digits["y_train"], bags, rng))
    found = _learn(name, epochs, seed, train, held_out)
    return {"row": name, "bags": bags, "seed": seed, "epochs": epochs, **found, **machine()}


def _learn(name, epochs, seed, train, held_out):
    if name != TOP:
        from benchmarks.pooled import learn_pooled

        return learn_pooled({"pooling": name, "max_epochs": epochs, **POOLED_STEP}, seed, train, held_out)
    from benchmarks.common import learn
    from mil_tf.options import resolve
    from mil_tf.recipes import remedios2020 as recipe

    options = resolve(recipe.OPTIONS, recipe.PROFILES["small"], {"max_epochs": epochs})
    return learn(options, seed, train, held_out)


def make_bags(images, digits, count, rng):
    """Draws bags; pixel values 0 to 255 in place of HU."""
    from benchmarks.mnist_bags import as_bag

    found = []
    for index in range(count):
        size = max(1, round(rng.normal(MEAN, VARIANCE**0.5)))
        found.append(as_bag(index, images, digits, rng.integers(len(images), size=size)))
    return found


def _of(results, name, bags, seed=None):
    return [r for r in results if r["row"] == name and r["bags"] == bags and seed in (None, r["seed"])]


if __name__ == "__main__":
    sys.exit(main())
