"""Patient-safe test set and folds of a data set, as in the paper (remedios2020) -> splits.csv.

    python -m preprocessing split --data DIR                          writes DIR/splits.csv
    python -m preprocessing split --labels labels.csv --out splits.csv
    python -m preprocessing split --data DIR --whole                  of every volume, as nemcek2021

20 % of the positives are test; the rest lies in five folds, of which each is validation once (20 % of the
rest). Negatives are undersampled so that training and validation are balanced, and all others are test.
Patients never span two splits, and the test set is the same in every fold. Scans that --exclude names, such as
those marked on qc.html, are in no split. splits.csv has one row a bag and
fold. It is frozen: an existing one is never written over without --force.

--whole leaves nothing out: 20 % of the patients are test (--test-fraction 0 where the test set is another data
set), 3 % of the others validation, all of the rest training, in a single fold; patients with and without positives
are shared alike.

A data set of microscopy fields is split by the wells of its plates (--by plate: by whole plates), each class to its
share: --train-fraction of the images are training and validation together (kraus2016: 0.15), of which
--validation-fraction is validation, and the rest is test. --by replicate --hold-out R holds the named replicates out:
all of their images are test, and all others training or validation.
"""

import argparse
import sys
from pathlib import Path

from preprocessing import grouped, units
from preprocessing.cohort import FOLDS, TEST_FRACTION, Volume, draw
from preprocessing.errors import UsageError
from preprocessing.labels import read_labels, read_table
from preprocessing.whole import VALIDATION_FRACTION, draw_whole
from tfrecords.dataset import SPLIT_COLUMNS, SPLITS, Dataset
from tfrecords.errors import DatasetError
from tfrecords.writer import csv_text, write_text

NAMES = ("train", "validation", "test")
SHOWN = 5  # ids of what is left out


def main(args=None):
    """Runs the command; returns its exit code, 0, or 2 where no split could be made."""
    args = parser().parse_args(args)
    try:
        return run(args)
    except (UsageError, DatasetError) as error:
        print(f"python -m preprocessing split: {error}", file=sys.stderr)
        return 2


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing split", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    source = found.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", metavar="DIR", help="folder of bags")
    source.add_argument("--labels", metavar="CSV", help="table id,label[,patient]; needs --out")
    found.add_argument("--out", metavar="CSV", help="default: splits.csv in --data")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--folds", type=int, help=f"default {FOLDS}; validation is one fold")
    found.add_argument(
        "--test-fraction",
        type=float,
        help=f"of the positives, with --whole of the patients, of fields of the images; default {TEST_FRACTION}",
    )
    found.add_argument("--whole", action="store_true", help="every volume, one fold; nothing undersampled or left out")
    found.add_argument(
        "--validation-fraction",
        type=float,
        help=f"with --whole, of the patients that are not test; default {VALIDATION_FRACTION}; of fields, of the\n"
        f"images that are not test; default {grouped.VALIDATION_FRACTION}",
    )
    found.add_argument(
        "--train-fraction", type=float, help="of fields: to train and validate together, instead of --test-fraction"
    )
    found.add_argument("--by", choices=grouped.BY, help=f"of fields: what is kept whole; default {grouped.WELL}")
    found.add_argument("--hold-out", nargs="+", metavar="R", help="with --by replicate: which of them are test")
    found.add_argument("--exclude", metavar="CSV", help="table with a column id: what is to be in no split")
    found.add_argument("--force", action="store_true", help="write over an existing table")
    return found


def run(args):
    """Draws, writes and prints the split; returns the exit code."""
    volumes, unit = read_volumes(args)
    volumes, told = left_in(volumes, args.exclude, unit)
    fields = unit == "field"
    if args.seed < 0:
        raise UsageError(f"--seed: Expected a whole number of at least 0. Received: {args.seed}.")
    out = Path(args.out) if args.out else Path(args.data) / SPLITS
    if out.exists() and not args.force:
        raise UsageError(
            f"{out} is there already, and splits are frozen; give another --out, or --force to write over it."
        )
    split = _of_fields(volumes, args) if fields else _drawn(volumes, args)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, csv_text(SPLIT_COLUMNS, rows(volumes, split)))
    print("\n".join([*(grouped.summary(volumes, split) if fields else summary(volumes, split, unit)), *told]))
    print(f"written to {out}")
    return 0


def _of_fields(images, args):
    wrong = "--folds" if args.folds is not None else "--whole" if args.whole else None
    if wrong:
        raise UsageError(f"Expected {wrong} for other data than fields only. Received: {wrong}.")
    return grouped.drawn(images, args)


def _drawn(volumes, args):
    of_fields = {"--by": args.by, "--hold-out": args.hold_out, "--train-fraction": args.train_fraction}
    given = next((name for name, value in of_fields.items() if value is not None), None)
    if given:
        raise UsageError(f"Expected {given} for a data set of fields only. Received: {given}.")
    wrong = "--folds" if args.whole and args.folds is not None else None
    wrong = "--validation-fraction" if not args.whole and args.validation_fraction is not None else wrong
    if wrong:
        raise UsageError(f"Expected {wrong} {'without' if args.whole else 'with'} --whole only. Received: {wrong}.")
    test = TEST_FRACTION if args.test_fraction is None else args.test_fraction
    if not args.whole:
        return draw(volumes, args.seed, FOLDS if args.folds is None else args.folds, test)
    part = VALIDATION_FRACTION if args.validation_fraction is None else args.validation_fraction
    return draw_whole(volumes, args.seed, part, test)


def read_volumes(args):
    """([Volume], what each is) of a data set or a label table; [`grouped.Image`] of a data set of fields. Raises
    UsageError, here for a bad row too.
    """
    if args.data:
        dataset = Dataset(args.data)
        if units.of(dataset) == "field":
            return grouped.images(dataset), "field"
        return [Volume(row.id, row.patient, _binary(row)) for row in dataset.rows], units.of(dataset)
    if not args.out:
        raise UsageError("--labels needs --out, the table to write.")
    found, rejected = read_labels(args.labels)
    excluded = [row for row in rejected if row[2].startswith("excluded: ")]
    if excluded:
        print(f"{len(excluded)} scans are excluded by the rules of their table, such as {excluded[0][0]}")
    rejected = [row for row in rejected if row not in excluded]
    if rejected:
        id, path, reason = rejected[0]
        raise UsageError(
            f"{path}: {len(rejected)} rows cannot be used, the first is {id!r}: {reason}; "
            "correct or remove them."
        )
    return [Volume(id, label.patient or id, label.label) for id, label in found.items()], "scan"


def left_in(volumes, path, unit="scan"):
    """([Volume] that a table of ids does not exclude, [line about what it does]).

    Args:
        path: of the table, or None.
        unit: "slice" where volumes are slices, of which the table may name the scan.

    Raises:
        UsageError: it has no ids.
    """
    if path is None:
        return volumes, []
    lines = [row for _, row in read_table(path)]
    if lines and "id" not in lines[0]:
        raise UsageError(f"--exclude: Expected a table with a column id. Received: {path}, without.")
    named = {row["id"] for row in lines}
    names = {v.id: {v.id, v.id.rpartition("/")[0]} if unit == "slice" else {v.id} for v in volumes}
    kept = [volume for volume in volumes if not names[volume.id] & named]
    called = units.COUNTED.get(unit, "volumes")
    told = [f"{len(volumes) - len(kept)} {called} are excluded by {path}"]
    unknown = sorted(named.difference(*names.values()))
    if unknown:
        told.append(f"{len(unknown)} ids in {path} are of none here, such as {unknown[0]!r}")
    return kept, told


def rows(volumes, split):
    """The rows (id, patient, split, fold) of the table: one a volume and fold."""
    return [
        (volume.id, volume.patient, split.of(volume.id, fold), fold)
        for fold in range(split.folds)
        for volume in volumes
        if volume.id in split.place
    ]


def summary(volumes, split, unit="scan"):
    """The lines of `table`, and what could not be had."""
    lines = table(
        {(fold, name): [v for v in volumes if v.id in split.place and split.of(v.id, fold) == name]
         for fold in range(split.folds) for name in NAMES},
        unit,
    )
    if split.left_out:
        more = ", ..." if len(split.left_out) > SHOWN else ""
        lines.append(
            f"{len(split.left_out)} negative volumes left out, as their patients are in training: "
            f"{', '.join(split.left_out[:SHOWN])}{more}"
        )
    whole = "train" in split.place.values()  # and balances nothing; in folds each volume is validation once
    if not whole and not _balanced(volumes, split):
        lines.append("Training is not balanced: there are too few negatives.")
    return lines


def table(parts, unit="scan"):
    """The lines of the paper's Table 1: positive + negative volumes (and patients) of each fold's splits.

    Args:
        parts: {(fold, name of split): [Volume]}.
        unit: what a volume is, where that is no volume.
    """
    told = f"positive + negative {units.COUNTED.get(unit, 'volumes')} (patients)"
    names = [*NAMES, *sorted({name for _, name in parts} - {*NAMES})]
    heads = "  ".join(f"{name:>22}" for name in names)
    lines = [f"{'fold':>4}  {heads}   {told}"]
    for fold in sorted({fold for fold, _ in parts}):
        cells = [_cell(parts.get((fold, name), [])) for name in names]
        lines.append(f"{fold:>4}  " + "  ".join(f"{cell:>22}" for cell in cells))
    return lines


def _cell(chosen):
    positive = sum(volume.label for volume in chosen)
    return f"{positive} + {len(chosen) - positive} ({len({volume.patient for volume in chosen})})"


def _balanced(volumes, split):
    labels = [volume.label for volume in volumes if split.place.get(volume.id, "test") != "test"]
    return sum(labels) * 2 == len(labels)


def _binary(row):
    if len(row.label) != 1:
        raise UsageError(
            f"Expected bags with one label, 0 or 1. Received: {len(row.label)} labels of bag {row.id}; "
            "`preprocessing sample` chooses from slices with types."
        )
    return row.label[0]
