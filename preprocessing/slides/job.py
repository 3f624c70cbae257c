"""Whole slides and a label table -> a folder of bags, one bag of tiles a slide.

    python -m preprocessing slides --slides DIR --labels labels.csv --out DIR

Slides are all files under --slides of a format that OpenSlide knows (.svs, .ndpi, .mrxs, .scn, .bif, tiled .tif and
more), and plain TIFF and OME-TIFF. The id is the file's name without its suffix. The table has columns
id,label[,patient][,location], label 0 or 1; other columns are kept with the bag. --labels tcga takes label and case
from TCGA's names instead. A slide is read at 20x, which is 0.5 micrometres a pixel, or resampled where it was scanned
finer; tissue is found at low resolution, and the tiles of a regular grid that have enough of it make the bag. The
tiles' pixels stay in the slide and are read while training, unless --materialise copies them; both give the same.
What cannot be used is listed in DIR/rejected.csv with the reason, and the job goes on. DIR/slides has tissue and truth
of every slide in cells of 32 x 32 pixels, DIR/qc a picture of every slide to be looked at.

A job that was stopped, by whatever, resumes with the same command and ends with the same bytes.
"""

import argparse
import shlex

from preprocessing import flow, inputs, tables, workers
from preprocessing.cores import available
from preprocessing.errors import UsageError
from preprocessing.job import ended, is_done, report, write
from preprocessing.slides import files
from preprocessing.slides.errors import SlideError
from preprocessing.slides.product import Outputs, clear, make
from preprocessing.slides.settings import ALGORITHM, SlideSettings
from preprocessing.slides.tissue import RULES
from tfrecords import Dataset
from tfrecords.writer import DatasetWriter, package_version, plan_hash

CLASSES = ["tumour"]
SHARD_SLIDES = 32  # of bags without pixels, that a stopped job does not lose many; our decision
TEST, VALIDATION = 0.2, 0.15  # of the cases: lerousseau2020, section 3.2


def main(args=None):
    """Runs the command; returns its exit code: 0, 1 where no slide could be used, 2 where it could not start
    or go on.
    """
    return ended("slides", run, parser().parse_args(args))


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing slides", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument("--slides", required=True, metavar="DIR", help="folder of slides, searched with its subfolders")
    found.add_argument(
        "--labels",
        required=True,
        metavar="CSV|tcga",
        help="table id,label[,patient][,location]; or tcga: a sample code below 10 in the slide's name is tumour, 10\n"
        "to 19 normal, and the case TCGA-XX-XXXX the patient",
    )
    found.add_argument("--out", required=True, metavar="DIR", help="folder for the bags, made if missing")
    found.add_argument(
        "--mpp", type=float, help="micrometres a pixel of the slides' finest level, instead of what the files say"
    )
    found.add_argument("--tile", type=int, default=224, help="rows and columns of a tile (default 224, the paper's)")
    found.add_argument(
        "--target-mpp",
        type=float,
        default=0.5,
        help="micrometres a pixel of the tiles (default 0.5, the paper's 20x); a level within 10 %% is taken as it is",
    )
    found.add_argument(
        "--cell", type=int, default=32, help="side of the cells in DIR/slides; must divide the tile (default 32)"
    )
    found.add_argument(
        "--tissue",
        default="otsu",
        choices=RULES,
        help="otsu: Otsu's threshold on saturation, cleaned up; a tile needs half (default). released: as the\n"
        "authors' code, a tile is left out where more than 75 %% of its pixels have R, G and B above 220",
    )
    found.add_argument(
        "--materialise", action="store_true", help="copy the tiles' pixels into the bags; a slide must fit in memory"
    )
    found.add_argument(
        "--masks",
        metavar="DIR",
        help="pictures ID.png that are not 0 where the slide is positive, of the slide's size or a whole number of\n"
        "times smaller; pixel truth for evaluation. Negative slides need none",
    )
    found.add_argument("--no-qc", action="store_true", help="make no pictures (DIR/qc)")
    found.add_argument("--jobs", type=int, help="worker processes (default: all cores)")
    found.add_argument("--force", action="store_true", help="write over what is in --out")
    return found


def run(args):
    """Finds, plans, makes and writes; returns the exit code."""
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs: Expected at least 1. Received: {args.jobs}.")
    settings = SlideSettings(**{name: getattr(args, name) for name in SlideSettings.__dataclass_fields__})
    outputs = Outputs(pixels=args.materialise, pictures=not args.no_qc)
    slides, rejected = find(args)
    shards = plan(slides, settings, outputs)
    info = describe(settings, inputs.fingerprint(slides, rejected), outputs)
    if not args.force and is_done(args.out, plan_hash(shards, info)):
        print(f"{args.out} is already finished with these slides and settings; nothing to do.")
        return 0
    if args.force:
        clear(args.out)
    writer = DatasetWriter(args.out, shards, info, force=args.force)
    jobs = args.jobs or available()
    write(writer, slides, lambda wanted: workers.products(wanted, settings, outputs, jobs, make), "slides")
    info = writer.finish(rejected)
    dataset = Dataset(args.out)
    flow.table(dataset, flow.metas(dataset))
    return _report(args.out, info)


def find(args):
    """Returns ([`inputs.Scan`], rejected rows). Raises UsageError where there is nothing to do at all."""
    by_name = args.labels == files.TCGA
    found, others = files.find(args.slides, () if by_name else (args.labels,), args.masks)
    masks = None if args.masks is None else files.find_masks(args.masks)
    labels, bad = files.read_labels(args.labels, found)
    if bad and not labels:
        raise UsageError(f"--labels {args.labels}: no slide has one; the first: {bad[0][0]!r}: {bad[0][2]}.")
    tables.check_same_ids(found, labels, args.slides, args.labels)
    if masks is not None:
        tables.check_same_ids(found, masks, args.slides, args.masks)
    slides, rejected = inputs.match(found, labels, args.labels, masks, what="slide")
    told = {id for id, _, _ in bad}  # by the row's own reason
    bad = [(id, path or str(found[id][0]), reason) for id, path, reason in bad]
    return slides, bad + others + [row for row in rejected if row[0] not in told or "without a label" not in row[2]]


def plan(slides, settings, outputs):
    """Returns [[ids]] a shard, in order of id: each about 128 MB, or of SHARD_SLIDES where bags hold no pixels."""
    few = inputs.SHARD_BYTES // SHARD_SLIDES
    return inputs.packed((slide.id, _bytes(slide, settings) if outputs.pixels else few) for slide in slides)


def describe(settings, fingerprint, outputs):
    """What `dataset.json` says about how the bags were made."""
    made = {
        "kind": "slides",
        "algorithm": ALGORITHM,
        "unit": "slide",
        "settings": settings.to_dict(),
        "materialised": outputs.pixels,
        "hash": settings.hash(),
        "version": package_version(),
    }
    return {"classes": CLASSES, "preprocessing": made, "inputs": fingerprint, "beside": {"pictures": outputs.pictures}}


def _bytes(slide, settings):
    """Of the slide's whole grid, 0 where it cannot be read."""
    from preprocessing.slides.reader import open_slide

    try:
        with open_slide(slide.path, settings.mpp) as opened:
            rows, columns = opened.grid(settings.target_mpp).shape
    except SlideError:
        return 0
    return rows * columns * 3


def _report(out, info):
    code = report(out, info, "tiles")
    if code == 0:
        shares = f"--test-fraction {TEST} --validation-fraction {VALIDATION / (1 - TEST):g}"  # of what is not test
        print("Next, the paper's split by case, 65:15:20:")
        print(f"  python -m preprocessing split --data {shlex.quote(str(out))} --whole {shares}")
    return code
