"""How the costs grow with the number of bags, and shrink with the cores, on small bags (4 slices of 16x16).

    start   `train.py --bags 100`, fresh processes: seconds to import TensorFlow, and from there to the end of the first
            optimizer step; only the tables are read whole, never the shards
    epoch   an epoch of top-instance learning on all training bags (4 of 5): milliseconds a bag in its first and last
            tenth and in all of it, and what the resident memory gained after its first tenth
    cores   an optimizer step of the `quick` network on 8 bags of 32 slices of 96x96, on one core and on two

    python benchmarks/scaling.py --out docs/results/scaling.csv      writes scaling-start.csv, scaling-epoch.csv, ...
"""

import argparse
import csv
import functools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import fresh  # noqa: E402

PARTS = ("start", "epoch", "cores")
SIZES = (1000, 10_000, 100_000)
FOLDS, SHARD_BAGS = 5, 12_500
SLICES, SIDE = 4, 16
START_BAGS = 100
# A network so small that what is not the network shows.
SMALL = {
    "backbone": "resnet10", "width": 4, "stem": "small", "scaling": "window", "warm_up": 0, "window": 64,
    "max_epochs": 1, "image_every": 0,
}
CORE_BAGS, CORE_SLICES, CORE_SIDE, CORE_STEPS = 8, 32, 96, 6


class Enough(Exception):
    """All that was to be measured has been."""


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="N", help="bags (1000 10000 100000)")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, help="CSV to write, one a part: its name with -PART before the ending")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        part, *words = given.child
        print(json.dumps({"start": start, "epoch": epoch, "cores": cores}[part](*words)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for part in given.parts:
            rows = {"cores": core_rows}.get(part, size_rows)(part, given, Path(folder))
            if rows:
                fresh.report(rows, given.out and given.out.with_stem(f"{given.out.stem}-{part}"))
    return 0


def size_rows(part, given, folder):
    """The rows of `start` or `epoch`, one a size; ratios are to the smallest."""
    for bags in given.sizes:
        if not (folder / str(bags)).exists():
            write_bags(folder / str(bags), bags)
    runs = {
        bags: functools.partial(fresh.child, __file__, "--child", part, folder / str(bags)) for bags in given.sizes
    }
    found = fresh.in_turn(runs, given.repetitions)
    measure = {"start": "first_step_seconds", "epoch": "bag_ms"}[part]
    least = found[given.sizes[0]]
    return [fresh.row({"bags": bags}, each, {"ratio": (measure, least)}) for bags, each in found.items()]


def core_rows(part, given, folder):
    """The rows of `cores`; the ratio is to one core."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    if count < 2:
        print(f"cores: left out, Expected two cores to choose from. Received: {count}.", file=sys.stderr)
        return []
    runs = {count: functools.partial(fresh.child, __file__, "--child", part, count) for count in (1, 2)}
    found = fresh.in_turn(runs, given.repetitions)
    return [fresh.row({"on_cores": n}, each, {"ratio": ("step_ms", found[1])}) for n, each in found.items()]


def write_bags(folder, count):
    """Writes bags of noise around brain, half of them positive, and a splits.csv of five folds."""
    from tfrecords import Bag
    from tfrecords.writer import DatasetWriter

    ids = [f"bag-{index:06d}" for index in range(count)]
    plan = [ids[place : place + SHARD_BAGS] for place in range(0, count, SHARD_BAGS)]
    info = {"classes": ["positive"], "preprocessing": {"kind": "ct", "settings": {}, "hash": "benchmark"}}
    writer, rng = DatasetWriter(folder, plan, info), np.random.default_rng(0)
    for index, names in enumerate(plan):
        with writer.shard(index) as shard:
            for place, name in enumerate(names):
                shard.write(Bag(
                    id=name, patient=f"patient-{name}", label=[place % 2], source_index=rng.permutation(SLICES),
                    instances=rng.normal(30, 10, (SLICES, SIDE, SIDE, 1)).astype(np.float16), spacing=[0.5, 0.5, 5],
                    affine=np.eye(4),
                ))
    writer.finish()
    with open(folder / "splits.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "patient", "split", "fold"))
        for fold in range(FOLDS):
            table.writerows((name, f"patient-{name}", _split(i, fold), fold) for i, name in enumerate(ids))


def _split(index, fold):
    """Pairs, so that every split has both labels: of ten, one in the test set and one in a fold's validation."""
    place = index // 2 % 10
    return "test" if place == 9 else "validation" if place == fold else "train"


def start(folder):
    """{"import_seconds", "first_step_seconds", "peak_gib"} of a fresh `train.py --bags 100`."""
    began = time.monotonic()
    from tfrecords import quiet

    quiet.tensorflow()
    imported = time.monotonic()
    stepped = _train(folder, START_BAGS, steps=1)[0][0]
    return {"import_seconds": imported - began, "first_step_seconds": stepped - imported, "peak_gib": _peak()}


def epoch(folder):
    """What an epoch over all training bags took; its first step, which traces, is not counted."""
    steps, window = _train(folder, None), SMALL["window"]
    times, memory = (np.array(column) for column in zip(*steps))
    tenth = max(1, (len(times) - 1) // 10)
    took = np.diff(times) * 1000 / window
    return {
        "bag_ms": took.mean(), "first_tenth_ms": took[:tenth].mean(), "last_tenth_ms": took[-tenth:].mean(),
        "gained_mib": memory[-1] - memory[tenth], "end_gib": memory[-1] / 1024,
    }


def _train(folder, bags, steps=None):
    """Runs train.py up to `steps` optimizer steps, or one epoch's; returns [(time, resident MiB)] after each step."""
    import train
    from mil_tf.training.loop import Loop

    found, plain = [], Loop._step

    def step(self, state, window):
        plain(self, state, window)
        found.append((time.monotonic(), _resident()))
        if len(found) == (steps or len(self.train) // SMALL["window"]):
            raise Enough

    Loop._step = step
    with tempfile.TemporaryDirectory() as out:
        words = ["--data", folder, "--out", out, *(["--bags", str(bags)] if bags else [])]
        try:
            train.main([*words, "--set", *(f"{name}={value}" for name, value in SMALL.items())])
        except Enough:
            return found
    raise RuntimeError("train.py ended before its steps were done")


def cores(count):
    """{"step_ms"} of a step of the `quick` network with so many cores, after two untimed ones."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(count)])  # before TensorFlow counts them
    from benchmarks.input import noise, stepper
    from mil_tf.data import MemorySource

    bags = [noise(index, CORE_SLICES, CORE_SIDE) for index in range(CORE_BAGS)]
    step = stepper("quick")
    source, window = MemorySource(bags), np.arange(CORE_BAGS)
    step(source, window), step(source, window)
    began = time.monotonic()
    for _ in range(CORE_STEPS):
        step(source, window)
    return {"step_ms": (time.monotonic() - began) * 1000 / CORE_STEPS}


def _resident():
    """Resident memory of this process in MiB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _peak():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 2**20


if __name__ == "__main__":
    sys.exit(main())
