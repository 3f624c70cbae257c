"""kraus2016 at its paper's size: time and peak resident memory of one optimizer step and one prediction.

A step is that of 16 fields of 1024x1280 and three channels in shards, cropped to 900x900, turned and mirrored; a
prediction is that of one whole field of 1024x1280. The baseline's step is that of 16 cells of 96x96 of each of 16
fields, its prediction that of a field by its cells. Each network in a process of its own.

    python benchmarks/full_size_fields.py --out docs/results/full_size_fields.csv
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROWS = ("images", "cells")
FIELDS, DISTINCT = 16, 4  # on disk there are fewer, read again and again, which costs the same
SIZE = (1024, 1280)
CHANNELS = ("DAPI", "Tubulin", "Actin")
CLASSES, CELLS = 12, 100  # of BBBC021; cells of a field


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=FIELDS, help=f"fields a step (default: {FIELDS})")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        print(json.dumps(measure(given.child, given.fields, given.set)))
        return 0
    from benchmarks.common import in_a_process, write_csv

    rows = []
    for row in ROWS:
        options = ["--set", *given.set] if given.set else []
        rows.append(in_a_process(__file__, "--fields", str(given.fields), "--child", row, *options))
        if given.out:
            write_csv(given.out, rows)
    return 0


def measure(learns_from, fields, assigned=(), size=SIZE):
    """Runs one step and one prediction; returns seconds and GiB."""
    from benchmarks.full_size import peak
    from benchmarks.ratios import machine
    from mil_tf import recipes
    from mil_tf.options import parse_assignments, resolve
    from mil_tf.runs import Job
    from mil_tf.sources import source_of
    from mil_tf.training.crew import Alone
    from mil_tf.training.fields import prepare

    recipe = recipes.load("kraus2016")
    given = {"learns_from": learns_from, **parse_assignments(assigned)}
    options = resolve(recipe.OPTIONS, recipe.VARIANTS["paper"], given)
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_bags(Path(folder) / "bags", size)
        source = source_of(dataset, [dataset.rows[i % DISTINCT] for i in range(fields)])
        prepared = prepare(Job("kraus2016", "paper", options, fields, 0, 0), dataset, {"train": source}, Alone())
        replica, variables = prepared.replica, prepared.replica.model.trainable_variables
        prepared.optimizer.build(variables)
        base, started = peak(), time.monotonic()
        result = replica.signal_of(0)(source, np.arange(fields), 0)
        prepared.optimizer.apply_gradients(zip(result.gradients, variables))
        stepped = time.monotonic()
        after = peak()
        replica.scorer(source, [0])  # once untimed: a first call also traces
        ready = time.monotonic()
        replica.scorer(source, [0])
        predicted = time.monotonic()
    return {
        "learns_from": learns_from, "pooling": told_pooling(replica.model, options), "fields": fields,
        "parameters": int(replica.model.count_params()), "step_seconds": round(stepped - started, 1),
        "prediction_seconds": round(predicted - ready, 2), "step_peak_gib": round(after, 2),
        "peak_gib": round(peak(), 2), "peak_before_gib": round(base, 2),
        "finite": bool(np.isfinite(result.losses).all()), **machine(),
    }


def told_pooling(model, options):
    """The pooling, or none in a network of cells."""
    return options["pooling"] if any(layer.name == "mil_pool" for layer in model.layers) else "none"


def write_bags(folder, size):
    """Writes fields of noise with cells; returns the open Dataset."""
    from tfrecords import Bag, Dataset
    from tfrecords.writer import DatasetWriter

    preprocessing = {"kind": "fields", "settings": {}, "hash": "benchmark", "channels": list(CHANNELS)}
    ids = [f"field-{i}" for i in range(DISTINCT)]
    info = {"classes": [f"class-{i:02d}" for i in range(CLASSES)], "preprocessing": preprocessing}
    writer = DatasetWriter(folder, [ids], info)
    with writer.shard(0) as shard:
        for index, name in enumerate(ids):
            rng = np.random.default_rng(index)
            pixels = rng.uniform(0, 1, (1, *size, len(CHANNELS))).astype(np.float16)
            places = rng.uniform(0, 1, (CELLS, 2)) * size
            points = np.column_stack([np.zeros(CELLS), places, np.full(CELLS, -1)])
            shard.write(Bag(name, name, np.eye(CLASSES, dtype=int)[index], pixels, [0], points=points))
    writer.finish()
    return Dataset(folder)


if __name__ == "__main__":
    sys.exit(main())
