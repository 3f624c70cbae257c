"""Look into a folder of bags, or check it.

    python -m tfrecords inspect DIR                       counts, shapes, class balance, splits, and a sheet
                                                          of the first positive bag in ./inspect-ID.png
    python -m tfrecords inspect DIR --bag ID --out PNG    of another bag, elsewhere
    python -m tfrecords verify DIR                        one line a finding; exit code 1 where there is one

verify reads everything: checksums, counts, shapes, non-finite values, duplicate ids, patients across splits.
"""

import argparse
import sys
from pathlib import Path

from tfrecords.errors import DatasetError


def main(args=None):
    """Runs a command; returns its exit code: 0, 1 for findings, 2 where it could not run."""
    args = parser().parse_args(args)
    try:
        return args.run(args)
    except DatasetError as error:
        print(f"python -m tfrecords {args.command}: {error}", file=sys.stderr)
        return 2


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m tfrecords", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = found.add_subparsers(dest="command", required=True, metavar="inspect|verify")
    inspect = commands.add_parser("inspect", help="counts, and a sheet of a bag")
    inspect.add_argument("folder", metavar="DIR")
    inspect.add_argument("--bag", metavar="ID", help="the bag to draw (default: the first positive one)")
    inspect.add_argument(
        "--out", metavar="PNG", help="where to draw it (default: inspect-ID.png in this folder)"
    )
    inspect.add_argument("--force", action="store_true", help="write over a PNG that --out names")
    inspect.set_defaults(run=run_inspect)
    verify = commands.add_parser("verify", help="check everything; exit code 1 where something is wrong")
    verify.add_argument("folder", metavar="DIR")
    verify.set_defaults(run=run_verify)
    return found


def run_inspect(args):
    """Prints what is in the folder and draws a bag. A sheet under its default name is made anew every time."""
    from tfrecords import inspect

    print("\n".join(inspect.describe(args.folder)))
    dataset = inspect.Dataset(args.folder)
    if not dataset.rows:
        return 0
    row = inspect.pick(dataset, args.bag)
    out = Path(args.out or f"inspect-{row.id}.png")
    if args.out and out.exists() and not args.force:
        raise DatasetError(f"{out} is there already; give another --out, or --force to write over it.")
    inspect.montage(args.folder, row, out)
    print(f"bag {row.id} drawn in {out}")
    return 0


def run_verify(args):
    """Prints one line a finding, or one line that there is none."""
    from tfrecords.dataset import Dataset
    from tfrecords.verify import findings

    count = 0
    for line in findings(args.folder):
        print(line)
        count += 1
    if count:
        return 1
    dataset = Dataset(args.folder)
    print(f"{args.folder}: {len(dataset.rows)} bags in {len(dataset.info['shards'])} shards, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
