"""Microscopy fields and an image table -> a folder of bags, one bag with one multi-channel image a field.

    python -m preprocessing fields --images BBBC021_v1_image.csv --moa BBBC021_v1_moa.csv --root DIR --out DIR
    python -m preprocessing fields --images table.csv --out DIR

The first form is BBBC021's: a file a channel, plate, well, replicate, compound and concentration in the image table,
and the mechanism of action of each treatment in --moa. Fields of a treatment without one, and controls (DMSO), are
left out.
The other is a plain table: id; path, or path_CHANNEL for each; label with one name or several parted by `;`, or
label_CLASS of 0 and 1 for each class; plate, well, site, replicate, batch, compound, concentration, treatment and
patient where known. Files are TIFF, OME-TIFF or PNG of 8 or 16 bits, or fractions from 0 to 1; a file of several
channels has them as pages or as an axis. Values become fractions of the whole range, as float16.

What no split may cut is the well of a plate. What cannot be used is listed in DIR/rejected.csv with the reason, and the
job goes on. DIR/qc has a picture of every field to be looked at.

A job that was stopped, by whatever, resumes with the same command and ends with the same bytes.
"""

import argparse
import collections
import hashlib
import json
import os
import shlex

from preprocessing import flow, inputs, workers
from preprocessing.cores import available
from preprocessing.errors import ScanError, UsageError
from preprocessing.fields.product import Outputs, clear, make
from preprocessing.fields.settings import ALGORITHM, FieldSettings
from preprocessing.fields.table import read
from preprocessing.job import ended, is_done, write
from tfrecords import Dataset
from tfrecords.dataset import REJECTED
from tfrecords.writer import DatasetWriter, package_version, plan_hash

KIND, UNIT = "fields", "field"
FLOAT16_BYTES = 2


def main(args=None):
    """Runs the command; returns its exit code: 0, 1 where no field could be used, 2 where it could not start
    or go on.
    """
    return ended("fields", run, parser().parse_args(args))


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing fields", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument("--images", required=True, metavar="CSV", help="table of images, of one of the two forms")
    found.add_argument("--out", required=True, metavar="DIR", help="folder for the bags, made if missing")
    found.add_argument(
        "--moa", metavar="CSV", help="table compound,concentration,moa: the labels of a table in BBBC021's form"
    )
    found.add_argument("--controls", action="store_true", help="keep the controls, as a class of their own (DMSO)")
    found.add_argument(
        "--root",
        metavar="DIR",
        help="where the files are (default: the table's folder): at the table's path, at its end where the archive\n"
        "unpacked to other folders, or anywhere below where no other file has the name",
    )
    found.add_argument(
        "--channels",
        metavar="A,B,C",
        help="which channels, in which order (default: the table's); or the names of those that one file has",
    )
    found.add_argument(
        "--crop",
        nargs=2,
        type=int,
        metavar=("H", "W"),
        help="keep so many rows and columns around the middle (the paper's: 1000 1200, yeast 1000 1300)",
    )
    found.add_argument(
        "--cells", metavar="CSV", help="table id,y,x[,label] of cells, in pixels of the images; for evaluation only"
    )
    found.add_argument(
        "--masks",
        metavar="DIR",
        help="pictures ID.png of the images' size: 0 no cell, 1 + place of the cell's class among the sorted names,\n"
        "255 a cell of unknown class; for evaluation only",
    )
    found.add_argument("--no-qc", action="store_true", help="make no pictures (DIR/qc)")
    found.add_argument("--jobs", type=int, help="worker processes (default: all cores)")
    found.add_argument("--force", action="store_true", help="write over what is in --out")
    return found


def run(args):
    """Finds, plans, makes and writes; returns the exit code."""
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs: Expected at least 1. Received: {args.jobs}.")
    found = read(args)
    settings = FieldSettings(tuple(found.channels or _counted(found.fields)), args.crop)
    outputs = Outputs(not args.no_qc, tuple(found.classes))
    shards = plan(found.fields, settings)
    info = describe(settings, found, outputs)
    if not args.force and is_done(args.out, plan_hash(shards, info)):
        print(f"{args.out} is already finished with these fields and settings; nothing to do.")
        return 0
    if args.force:
        clear(args.out)
    print("\n".join(found.told), end="\n" if found.told else "")
    writer = DatasetWriter(args.out, shards, info, force=args.force)
    jobs = args.jobs or available()
    write(writer, found.fields, lambda wanted: workers.products(wanted, settings, outputs, jobs, make), "fields")
    info = writer.finish(found.rejected)
    dataset = Dataset(args.out)
    flow.table(dataset, flow.metas(dataset))
    return _report(args.out, dataset)


def plan(fields, settings):
    """Returns [[ids]] a shard, in order of id: each about 128 MB, by the headers of the files."""
    return inputs.packed((field.id, _bytes(field, settings)) for field in fields)


def describe(settings, found, outputs):
    """What `dataset.json` says about how the bags were made."""
    made = {
        "kind": KIND,
        "algorithm": ALGORITHM,
        "unit": UNIT,
        "settings": settings.to_dict(),
        "channels": list(settings.channels),
        "single_label": all(sum(field.label) == 1 for field in found.fields),
        "hash": settings.hash(),
        "version": package_version(),
    }
    return {
        "classes": found.classes, "preprocessing": made, "inputs": _fingerprint(found),
        "beside": {"pictures": outputs.pictures},
    }


def _fingerprint(found):
    """A hash of everything that goes in but the pixels: a changed label, file size or mask makes it another job."""
    rows = [
        [*field, [os.path.getsize(path) for path in (*field.paths, *filter(None, [field.mask]))]]
        for field in found.fields
    ]
    text = json.dumps([rows, sorted(found.rejected)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _counted(fields):
    """Names of the channels that a field's only file has, by the first that can be read."""
    from preprocessing.fields.pixels import size

    for field in fields:
        try:
            return [f"channel-{number}" for number in range(size(field.path)[-1])]
        except ScanError as error:
            reason = f"{field.path}: {error}"
    raise UsageError(f"Expected images. Received: none that can be read; the last: {reason}.")


def _bytes(field, settings):
    """Of the field's pixels, 0 where they cannot be read."""
    from preprocessing.fields.pixels import size

    try:
        rows, columns = settings.crop or size(field.path)[:2]
    except ScanError:
        return 0
    return rows * columns * len(settings.channels) * FLOAT16_BYTES


def _report(out, dataset):
    """Prints what came out; returns 1 where nothing did."""
    counts, classes = dataset.info["counts"], dataset.info["classes"]
    print(
        f"{counts['bags']} fields of {len(classes)} classes and {counts['patients']} wells, "
        f"{len(dataset.info['shards'])} shards in {out}"
    )
    wells = collections.defaultdict(set)
    for row in dataset.rows:
        for name, one in zip(classes, row.label):
            wells[name].update({row.patient} if one == 1 else ())
    for name, fields in zip(classes, counts["positive"]):
        print(f"{fields:>8} of {len(wells[name])} wells: {name}")
    if counts["rejected"]:
        print(f"{counts['rejected']} rejected: see {os.path.join(out, REJECTED)}")
    if counts["bags"]:
        print(f"Next, a split by well:\n  python -m preprocessing split --data {shlex.quote(str(out))}")
    return 0 if counts["bags"] else 1
