"""The recipe at the paper's size: time and peak resident memory of what a training run does, 512x512, ResNet-34.

Each part runs in a process of its own, reads its bags from shards, and reports its peak resident memory:

    step        one optimizer step of a window of 2 bags of 40 slices, and one prediction of a bag
    window      one accumulation window of 128 bags of 40 slices (remedios2020, section 2.2); minutes on a CPU
    bag-40      one window of one bag of 40 slices
    bag-400     one window of one bag of 400 slices: memory must not grow with the bag

    python benchmarks/full_size.py --parts step bag-40 bag-400 window --out docs/results/full_size.csv
"""

import argparse
import csv
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Part -> (bags in the window, slices a bag).
PARTS = {"step": (2, 40), "window": (128, 40), "bag-40": (1, 40), "bag-400": (1, 400)}
DISTINCT = 4  # bags on disk; a window reads them again and again, which costs the same
SIZE = 512


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--variant", default="default", help="of the recipe (default: default)")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        print(json.dumps(measure(*PARTS[given.child], given)))
        return 0
    rows = [run(part, given) for part in given.parts]
    if given.out:
        with open(given.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return 0


def run(part, given):
    """Measures one part in a fresh process; returns its row."""
    from benchmarks.common import in_a_process

    options = ["--set", *given.set] if given.set else []
    bags, slices = PARTS[part]
    told = ["--child", part, "--variant", given.variant, *options]
    return in_a_process(__file__, *told, part=part, bags=bags, slices=slices)


def measure(bags, slices, given):
    """Runs one window, its optimizer step and one prediction; returns seconds and GiB."""
    from mil_tf.data import ShardSource
    from mil_tf.models.build import build_scorer
    from mil_tf.options import parse_assignments, resolve
    from mil_tf.recipes import remedios2020 as recipe
    from mil_tf.runs import environment
    from mil_tf.training.method import build_chooser, build_optimizer, build_search, build_signals
    from mil_tf.training.scoring import Scorer

    options = resolve(recipe.OPTIONS, recipe.VARIANTS[given.variant], parse_assignments(given.set))
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_bags(Path(folder) / "bags", min(bags, DISTINCT), slices)
        source = ShardSource(dataset, [dataset.rows[i % len(dataset.rows)] for i in range(bags)])
        model = build_scorer(options, seed=0)
        scorer = Scorer(model, options["chunk"])
        optimizer, signal_of = build_optimizer(options), build_signals(
            options, model, build_chooser(options, build_search(options, model, scorer), bags), 0
        )
        optimizer.build(model.trainable_variables)
        base, started = peak(), time.monotonic()
        result = signal_of(options["warm_up"])(source, np.arange(bags), options["warm_up"])
        optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))
        trained = time.monotonic()
        scorer(source, [0])  # once untimed: a first call also traces
        ready = time.monotonic()
        scorer(source, [0])
        predicted = time.monotonic()
    facts = environment()
    return {
        "window_seconds": round(trained - started, 1), "prediction_seconds": round(predicted - ready, 1),
        "peak_gib": round(peak(), 2), "peak_before_gib": round(base, 2),
        "finite": bool(np.isfinite(result.losses).all()),
        "parameters": int(model.count_params()), "processor": facts["hardware"]["processor"],
        "cores": facts["hardware"]["cores"], "tensorflow": facts["versions"]["tensorflow"], "commit": facts["commit"],
    }


def write_bags(folder, count, slices):
    """Writes noise of a head's HU as bags; returns the open Dataset."""
    from tfrecords import Bag, Dataset
    from tfrecords.writer import DatasetWriter

    ids = [f"bag-{i}" for i in range(count)]
    info = {"classes": ["positive"], "preprocessing": {"kind": "ct", "settings": {}, "hash": "benchmark"}}
    writer = DatasetWriter(folder, [[name] for name in ids], info)
    for index, name in enumerate(ids):
        rng = np.random.default_rng(index)
        pixels = rng.normal(30, 10, (slices, SIZE, SIZE, 1)).astype(np.float16)
        with writer.shard(index) as shard:
            shard.write(Bag(
                id=name, patient=name, label=np.array([index % 2]), instances=pixels, source_index=np.arange(slices),
            ))
    writer.finish([])
    return Dataset(folder)


def peak():
    """Peak resident memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    sys.exit(main())
