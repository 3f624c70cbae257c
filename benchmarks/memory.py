"""Peak resident memory of a training step for bags of more and more slices, read from shards: it must not grow.

Each row is a process of its own that opens the shards and does whole training steps (search, gradient, optimizer) of a
window of one bag. The slices are phantoms', shifted by some rows so that no two of a bag are identical.

    python benchmarks/memory.py --out docs/results/memory.csv
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import material, ratios, rows  # noqa: E402

ASKED = 1.1  # of the largest bag's peak to the smallest's
HEADINGS = {"row": "slices a bag", "rate": "slices/s", "peak_gib": "peak GiB", "growth": "x the smallest", "note": ""}


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    material.arguments(parser)
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 80, 200, 800], help="slices a bag")
    parser.add_argument("--repetitions", type=int, default=5, help="steps of each bag, in turn (default: 5)")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", nargs=2, metavar=("SHARDS", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        rows.serve(lambda: build(*given.child))
        return 0
    folder = material.made(given)
    with tempfile.TemporaryDirectory() as making:
        commands = {str(n): command(n, folder, Path(making)) for n in given.counts}
        found, facts, absent = rows.measure(commands, given.repetitions, lambda line: print(line, file=sys.stderr))
    table = ratios.table(found, absent, 1, {}, ("peak_gib",))
    compare(table)
    versions = {key: value for each in facts.values() for key, value in each.items()}
    about = {"size": given.size, **material.described(folder), **ratios.machine(), **versions}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(ratios.text(table, HEADINGS))
    print(f"largest to smallest bag: {table[-1]['growth']}, asked for at most {ASKED}")
    if given.out:
        ratios.write(given.out, table, about)
    return 0


def compare(table):
    """Turns bags a second into slices a second, and adds each peak's ratio to the first row's."""
    for row in table:
        for column in ("rate", "rate_low", "rate_high"):
            row[column] = float(f"{row[column] * int(row['row']):.4g}") if row[column] != "" else ""
        both = row["peak_gib"] != "" and table[0]["peak_gib"] != ""
        row["growth"] = float(f"{row['peak_gib'] / table[0]['peak_gib']:.3g}") if both else ""
        row["peak_gib"] = round(row["peak_gib"], 3) if row["peak_gib"] != "" else ""


def command(count, folder, making):
    """Writes the shards of one bag of `count` slices; returns the command of its row."""
    out = making / str(count)
    write_bag(out, np.load(folder / "images.npy", mmap_mode="r"), count)
    return [sys.executable, __file__, "--child", str(out), str(folder)]


def write_bag(out, images, count):
    """One bag whose slices are those of `images` (bags, slices, h, w, 1), again and again, each time shifted."""
    from tfrecords import Bag
    from tfrecords.writer import DatasetWriter

    flat = images.reshape(-1, *images.shape[2:])
    pixels = np.stack([np.roll(flat[i % len(flat)], i // len(flat), axis=0) for i in range(count)])
    info = {"classes": ["positive"], "preprocessing": {"kind": "ct", "settings": {}, "hash": "benchmark"}}
    writer = DatasetWriter(out, [["bag"]], info)
    with writer.shard(0) as shard:
        shard.write(Bag(id="bag", patient="bag", label=np.array([1]), instances=pixels, source_index=np.arange(count)))
    writer.finish([])


def build(shards, folder):
    """(step, facts) of a row."""
    import tensorflow as tf

    from benchmarks.training_rows import Product
    from mil_tf.data import ShardSource
    from tfrecords import Dataset

    dataset = Dataset(shards)
    model, options = material.load_model(folder), material.options_of(folder)
    product = Product(ShardSource(dataset, dataset.rows), model, options, "bfloat16")
    return lambda index: product([0]), {"tensorflow": tf.__version__}


if __name__ == "__main__":
    sys.exit(main())
