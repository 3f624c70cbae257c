"""lerousseau2020 at its paper's size: time and peak resident memory of one slide visit and one slide's map.

A visit is that of 150 tiles of 224x224, augmented, ResNet-50, one optimizer step, the paper's variant (batch norm by
the visit's own statistics); a row for each number of tiles in
memory, 150 being the paper's single pass. A prediction is the map of a part of a slide of 2,048x2,048 pixels. Each row
in a process of its own.

    python benchmarks/full_size_tiles.py --out docs/results/full_size_tiles.csv
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TILES, SIDE, MAPPED = 150, 224, 2048
IN_MEMORY = (150, 50, 15)
DISTINCT = 30  # tiles of noise of the slide, which costs the same


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=SIDE, help=f"pixels a side of a tile (default: {SIDE})")
    parser.add_argument("--in-memory", type=int, nargs="+", default=IN_MEMORY, help="tiles a pass, a row each")
    parser.add_argument("--mapped", type=int, default=MAPPED, help=f"pixels a side of the map (default: {MAPPED})")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        print(json.dumps(measure(given.child, given.side, given.mapped)))
        return 0
    from benchmarks.common import in_a_process, write_csv

    rows = []
    for count in given.in_memory:
        sizes = ["--side", str(given.side), "--mapped", str(given.mapped)]
        rows.append(in_a_process(__file__, *sizes, "--child", str(count)))
        if given.out:
            write_csv(given.out, rows)
    return 0


def measure(in_memory, side, mapped):
    """Runs one visit and makes one map; returns seconds and GiB."""
    from benchmarks.full_size import peak
    from benchmarks.ratios import machine
    from mil_tf import recipes
    from mil_tf.data import MemorySource
    from mil_tf.models.receptive import context
    from mil_tf.models.tile_net import features_model
    from mil_tf.options import resolve
    from mil_tf.prediction.dense import dense_map
    from mil_tf.runs import Job
    from mil_tf.training.crew import Alone
    from mil_tf.training.mapping import Mapping
    from mil_tf.training.tiles import prepare
    from tfrecords import Bag

    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 256, (DISTINCT, side, side, 3), np.uint8)
    meta = {"tile": side}
    source = MemorySource([Bag("slide", "case", [1], tiles, np.arange(DISTINCT), meta=meta)])
    recipe = recipes.load("lerousseau2020")
    options = resolve(recipe.OPTIONS, recipe.VARIANTS["paper"], {"patches_in_memory": in_memory})
    prepared = prepare(Job("lerousseau2020", "default", options, 1, 0, 0), None, {"train": source}, Alone())
    model = prepared.replica.model
    prepared.optimizer.build(model.trainable_variables)
    base, started = peak(), time.monotonic()
    result = prepared.replica.signal_of(0)(source, [0], 0)
    prepared.optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))
    stepped, highest = time.monotonic(), peak()
    slide = rng.integers(0, 256, (mapped, mapped, 3), np.uint8)
    mapping = Mapping(model, options)
    dense_map(mapping.forward, lambda y, x, h, w: slide[y : y + h, x : x + w], slide.shape[:2],
              *context(features_model(model)))
    return {
        "tiles": TILES, "side": side, "in_memory": in_memory, "parameters": int(model.count_params()),
        "visit_seconds": round(stepped - started, 1), "visit_peak_gib": round(highest, 2),
        "peak_before_gib": round(base, 2), "map_side": mapped, "map_seconds": round(time.monotonic() - stepped, 1),
        "peak_gib": round(peak(), 2), "finite": bool(np.isfinite(result.losses).all()), **machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
