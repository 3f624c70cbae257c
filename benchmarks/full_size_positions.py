"""nemcek2021 at its paper's size: time and peak resident memory of one optimizer step and one prediction.

A step is that of 128 slices of 512x512 in shards, augmented and cropped to 256 (the released network's: shrunk to 256);
a prediction is that of one slice of 512x512 with its map and points. Each network in a process of its own.

    python benchmarks/full_size_positions.py --out docs/results/full_size_positions.csv
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROWS = (("paper", "max"), ("paper", "attention"), ("released", "max"), ("released", "attention"))
SLICES, DISTINCT = 128, 8  # on disk there are fewer, read again and again, which costs the same


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=SLICES, help=f"slices a step (default: {SLICES})")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        print(json.dumps(measure(*given.child, given.slices)))
        return 0
    from benchmarks.common import in_a_process, write_csv

    rows = []
    for row in ROWS:
        rows.append(in_a_process(__file__, "--slices", str(given.slices), "--child", *row))
        if given.out:
            write_csv(given.out, rows)
    return 0


def measure(form, pooling, slices):
    """Runs one step and one prediction; returns seconds and GiB."""
    from benchmarks.full_size import peak, write_bags
    from benchmarks.ratios import machine
    from mil_tf import recipes
    from mil_tf.data import ShardSource
    from mil_tf.localization.detector import PUBLISHED
    from mil_tf.localization.located import points_of
    from mil_tf.options import resolve
    from mil_tf.runs import Job
    from mil_tf.training.crew import Alone
    from mil_tf.training.positions import prepare

    recipe = recipes.load("nemcek2021")
    variant = recipe.VARIANTS["released" if form == "released" else "paper"]
    options = resolve(recipe.OPTIONS, variant, {"pooling": pooling, "detector": "published"})
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_bags(Path(folder) / "bags", DISTINCT, 1)
        source = ShardSource(dataset, [dataset.rows[i % DISTINCT] for i in range(slices)])
        prepared = prepare(Job("nemcek2021", form, options, slices, 0, 0), dataset, {"train": source}, Alone())
        variables = prepared.replica.model.trainable_variables
        prepared.optimizer.build(variables)
        base, started = peak(), time.monotonic()
        result = prepared.replica.signal_of(0)(source, np.arange(slices), 0)
        prepared.optimizer.apply_gradients(zip(result.gradients, variables))
        stepped = time.monotonic()
        detect = prepared.finish.__self__
        list(detect.located(source.subset([0])))  # once untimed: a first call also traces
        ready = time.monotonic()
        (one,) = detect.located(source.subset([0]))
        points_of(one.map2d, one.shape, one.probability, PUBLISHED[pooling])
    return {
        "network": form, "pooling": pooling, "slices": slices, "parameters": int(prepared.replica.model.count_params()),
        "step_seconds": round(stepped - started, 1), "prediction_seconds": round(time.monotonic() - ready, 2),
        "peak_gib": round(peak(), 2), "peak_before_gib": round(base, 2),
        "finite": bool(np.isfinite(result.losses).all()), **machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
