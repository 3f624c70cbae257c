"""Which slices of a data set are learned from (parida2021, section 4.1 and Table 2) -> splits.csv.

    python -m preprocessing sample --data DIR --kind pixel     all bleeding slices with a mask, one healthy a patient
    python -m preprocessing sample --data DIR --kind image     slices of a single type, as many of each, and healthy
    python -m preprocessing sample --data DIR --kind test      every slice with a mask

DIR holds slices with types, as `preprocessing ct --unit slice --types` makes them; all other slices are in no split.
The paper trains on all of its pixel set and tests on other data sets, so that everything is train (test with --kind
test) unless --validation-fraction deals that share of the patients to validation, whole patients and in the same way
as `preprocessing split --whole`. splits.csv has one fold. It is frozen: an existing one is never written over without
--force.
"""

import argparse
import collections
import sys
from pathlib import Path

import numpy as np

from preprocessing import units
from preprocessing.cohort import Volume
from preprocessing.errors import UsageError
from preprocessing.split import left_in
from preprocessing.whole import VALIDATION, draw_whole
from tfrecords import reader
from tfrecords.dataset import SPLIT_COLUMNS, SPLITS, Dataset
from tfrecords.errors import DatasetError
from tfrecords.writer import csv_text, write_text

KINDS = ("pixel", "image", "test")
HEALTHY = 300 / 7485  # healthy slices to bleeding ones of the image set: parida2021, Table 2


def main(args=None):
    """Runs the command; returns its exit code, 0, or 2 where no sample could be drawn."""
    args = parser().parse_args(args)
    try:
        return run(args)
    except (UsageError, DatasetError) as error:
        print(f"python -m preprocessing sample: {error}", file=sys.stderr)
        return 2


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing sample", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument("--data", required=True, metavar="DIR", help="folder of slices with types")
    found.add_argument("--kind", required=True, choices=KINDS)
    found.add_argument("--per-type", type=int, metavar="N", help="image: slices of each type (default: the rarest's)")
    found.add_argument(
        "--healthy", type=int, metavar="N", help="image: healthy slices (default: 300 to 7,485 bleeding, the paper's)"
    )
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--validation-fraction", type=float, default=0.0, help="of the patients (default 0)")
    found.add_argument("--exclude", metavar="CSV", help="table with a column id, of scans or slices: not to be drawn")
    found.add_argument("--out", metavar="CSV", help="default: splits.csv in --data")
    found.add_argument("--force", action="store_true", help="write over an existing table")
    return found


def run(args):
    """Draws, writes and prints the sample; returns the exit code."""
    _check(args)
    dataset = Dataset(args.data)
    _check_slices(dataset)
    out = Path(args.out) if args.out else dataset.folder / SPLITS
    if out.exists() and not args.force:
        raise UsageError(
            f"{out} is there already, and splits are frozen; give another --out, or --force to write over it."
        )
    rows, told = left_in(dataset.rows, args.exclude, "slice")
    chosen = drawn(dataset, rows, args)
    place = placed(chosen, args)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, csv_text(SPLIT_COLUMNS, [(row.id, row.patient, place[row.id], 0) for row in chosen]))
    print("\n".join([*summary(chosen, place, dataset.info["classes"]), *told, f"written to {out}"]))
    return 0


def drawn(dataset, rows, args):
    """The BagRows of a set, in the order of `rows`; the same bags in any order and the same seed give the same.

    Raises UsageError where there are not as many as are wanted.
    """
    random = np.random.default_rng([args.seed, KINDS.index(args.kind)])
    if args.kind == "image":
        kept = {row.id for row in image_set(rows, dataset.info["classes"], random, args.per_type, args.healthy)}
    else:
        masked = [row for row in rows if reader.read_mask(dataset.folder, row) is not None]
        kept = {row.id for row in (pixel_set(masked, random) if args.kind == "pixel" else masked)}
        if not any(any(row.label) for row in rows if row.id in kept):
            raise UsageError(
                "Expected bleeding slices with a mask. Received: none; give `preprocessing ct` --masks."
            )
    return [row for row in rows if row.id in kept]


def pixel_set(rows, random):
    """All bleeding slices, and a healthy one at random of each patient who has one: 318 + 75 in the paper.

    Args:
        rows: [BagRow] of slices with masks.
        random: numpy Generator.
    """
    healthy = collections.defaultdict(list)
    for row in sorted(rows):
        if not any(row.label):
            healthy[row.patient].append(row)
    bleeding = [row for row in rows if any(row.label)]
    return bleeding + [healthy[patient][random.integers(len(healthy[patient]))] for patient in sorted(healthy)]


def image_set(rows, classes, random, per_type=None, healthy=None):
    """Slices of a single type, as many of each, and healthy ones: 5 x 1,497 + 300 in the paper.

    Args:
        rows: [BagRow] of slices.
        classes: their names, in the order of the labels.
        random: numpy Generator.
        per_type: slices of each; None takes as many as the rarest has.
        healthy: how many; None is the paper's share, HEALTHY.

    Raises:
        UsageError: there are fewer.
    """
    rows = sorted(rows)
    single = [[row for row in rows if sum(row.label) == 1 and row.label[at]] for at in range(len(classes))]
    free = [row for row in rows if not any(row.label)]
    missing = next((name for name, some in zip(classes, single) if not some), None)
    if missing:
        raise UsageError(f"Expected slices of a single type, of each type. Received: none with {missing} blood alone.")
    wanted = min(map(len, single)) if per_type is None else per_type
    asked = min(round(HEALTHY * wanted * len(classes)), len(free)) if healthy is None else healthy
    parts = [("--per-type", f"{name} blood alone", some, wanted) for name, some in zip(classes, single)]
    parts += [("--healthy", "no blood", free, asked)]
    for flag, what, some, count in parts:
        if len(some) < count:
            raise UsageError(f"{flag}: Expected at least {count} slices with {what}. Received: {len(some)}.")
    return [some[index] for _, _, some, count in parts for index in random.permutation(len(some))[:count]]


def placed(chosen, args):
    """{id: "train", "validation" or "test"}. Raises UsageError where there are too few patients."""
    if args.kind == "test":
        return {row.id: "test" for row in chosen}
    if not args.validation_fraction:
        return {row.id: "train" for row in chosen}
    volumes = [Volume(row.id, row.patient, int(any(row.label))) for row in chosen]
    split = draw_whole(volumes, args.seed, args.validation_fraction, 0)
    return {id: "validation" if where == VALIDATION else where for id, where in split.place.items()}


def summary(chosen, place, classes):
    """The lines of the paper's Table 2: slices of each type, bleeding and healthy, of each split."""
    names = [name for name in ("train", "validation", "test") if name in place.values()]
    parts = [[row for row in chosen if place[row.id] == name] for name in names]
    counts = {
        **{one: [sum(row.label[at] for row in part) for part in parts] for at, one in enumerate(classes)},
        "bleeding": [sum(any(row.label) for row in part) for part in parts],
        "healthy": [sum(not any(row.label) for row in part) for part in parts],
        "patients": [len({row.patient for row in part}) for part in parts],
    }
    head = f"{'slices':>16}  " + "  ".join(f"{name:>10}" for name in names)
    return [head, *(f"{one:>16}  " + "  ".join(f"{count:>10}" for count in row) for one, row in counts.items())]


def _check(args):
    for name in ("per_type", "healthy"):
        value, least = getattr(args, name), {"per_type": 1, "healthy": 0}[name]
        flag = f"--{name.replace('_', '-')}"
        if value is not None and args.kind != "image":
            raise UsageError(f"{flag}: Expected --kind image with it. Received: {args.kind}.")
        if value is not None and value < least:
            raise UsageError(f"{flag}: Expected at least {least}. Received: {value}.")
    if args.seed < 0:
        raise UsageError(f"--seed: Expected a whole number of at least 0. Received: {args.seed}.")
    if args.kind == "test" and args.validation_fraction:
        raise UsageError("--validation-fraction: Expected --kind pixel or image with it. Received: test.")


def _check_slices(dataset):
    classes = dataset.info.get("classes", [])
    if units.of(dataset) != "slice" or len(classes) < 2:
        raise UsageError(
            "Expected slices with types, as `preprocessing ct --unit slice --types` makes them. "
            f"Received: {dataset.folder}, {units.of(dataset)}s of {' and '.join(classes)}."
        )


if __name__ == "__main__":
    sys.exit(main())
