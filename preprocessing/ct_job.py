"""Head CT volumes (NIfTI or DICOM) and a label table -> a folder of bags, one bag of axial slices a scan.

    python -m preprocessing ct --scans DIR --labels labels.csv --out DIR

Scans are all .nii and .nii.gz files under --scans, whose id is the file's name without that suffix, and all
DICOM series, in folders or zip archives: dcm2niix makes volumes of them, gantry tilt and uneven slices mended.
The id of a series is the name of the folder or archive that holds its study, with /SERIESNUMBER where that has
several axial ones; --series says which of them is taken, and the others are listed in rejected.csv. The table
has columns id,label[,patient], label 0 or 1; other columns are kept with the bag. Tables of public data sets
are read as they come. Volumes are reoriented by
their header (axes permuted and flipped; --align rigid interpolates), all but the brain is set to 0, and axial
slices are null-padded or cropped around the centre, stored as float16 HU and shuffled within the bag with the
permutation kept. What cannot be
used is listed in DIR/rejected.csv with the reason, and the job goes on. DIR/qc.html shows every scan before and
after, to be looked through.

A job that was stopped, by whatever, resumes with the same command and ends with the same bytes.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from preprocessing import bleeds, flow, inputs, sources, tables, units, workers
from preprocessing.brain import METHODS
from preprocessing.cores import available
from preprocessing.errors import UsageError
from preprocessing.job import ended, is_done, report, write
from preprocessing.product import TEMPLATE, Outputs, clear
from preprocessing.qc import PAGE, page
from preprocessing.settings import ALGORITHM, ALIGNMENTS, CtSettings
from tfrecords import Dataset
from tfrecords.writer import DatasetWriter, package_version, plan_hash, write_bytes

CLASSES = ["positive"]


def main(args=None):
    """Runs the command; returns its exit code: 0, 1 where no scan could be used, 2 where it could not start
    or go on.
    """
    return ended("ct", run, parser().parse_args(args))


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing ct", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument(
        "--scans",
        required=True,
        metavar="DIR",
        help="folder of NIfTI files, DICOM files or zip archives of them, searched with its subfolders",
    )
    found.add_argument(
        "--labels",
        required=True,
        metavar="CSV",
        help="table id,label[,patient]; or as they come: CQ500 reads.csv (majority of the readers), PhysioNet CT-ICH\n"
        "hemorrhage_diagnosis.csv and RSNA 2019 stage_2_train.csv ID,Label, or Image_ID,any,epidural,... (both label\n"
        "slices: a scan is positive where one is, and the slices' labels are kept as slice truth), rater scores\n"
        "id,score[,volume_cm3] by the paper's rules",
    )
    found.add_argument("--out", required=True, metavar="DIR", help="folder for the bags, made if missing")
    found.add_argument(
        "--size", type=int, default=512, help="rows and columns of a slice (default 512, the paper's)"
    )
    found.add_argument("--keep-empty", action="store_true", help="keep slices of one constant value")
    found.add_argument(
        "--null",
        default="auto",
        metavar="auto|HU",
        help="padding: auto is 0 for brain-extracted scans, else -1024",
    )
    found.add_argument(
        "--clip-negative", action="store_true", help="set negative HU to 0, as the paper's released code does"
    )
    found.add_argument(
        "--masks",
        metavar="DIR",
        help="NIfTI masks named as the scans; give mask and slice truth for evaluation",
    )
    found.add_argument(
        "--slice-labels",
        metavar="CSV",
        help="table id,source_index,label, or one of slices as under --labels; slice truth for evaluation (1, 0,\n"
        "or -1 unknown), over the masks'",
    )
    found.add_argument(
        "--metadata",
        metavar="CSV",
        help="what else is known: SOPInstanceUID or Image_ID with PatientID (patients; with SeriesInstanceUID or\n"
        "StudyInstanceUID also the slices of volumes so named), or PhysioNet CT-ICH Patient_demographics.csv",
    )
    found.add_argument(
        "--boxes",
        metavar="CSV",
        help="BHX boxes SOPInstanceUID,data,labelName,labelType on slices of DICOM series; truth for evaluation, and\n"
        "where nothing else tells of slices their truth too: a positive scan's slices without a box are negative",
    )
    found.add_argument(
        "--unit",
        default="scan",
        choices=units.UNITS,
        help="a bag is a scan, or a single slice with its truth as label and SCAN/INDEX as id (default: scan)",
    )
    found.add_argument(
        "--types",
        action="store_true",
        help="with --unit slice: a bag's label is that of five types (epidural, intraparenchymal, intraventricular,\n"
        "subarachnoid, subdural), and its mask has 1 + the place there; from masks of class ids, or from tables\n"
        "(PhysioNet CT-ICH's, RSNA's, or id,source_index,type, where several types are joined by +)",
    )
    found.add_argument(
        "--mask-classes",
        metavar="NAMES",
        help="with --types: what the masks' values 1, 2, ... mean, such as epidural,subdural,intraparenchymal,\n"
        "intraventricular,subarachnoid (the phantoms'); without it masks are binary, and a table tells the types",
    )
    found.add_argument(
        "--several",
        default=bleeds.SEVERAL[0],
        choices=bleeds.SEVERAL,
        help="with --types, a slice of several types in a binary mask: all of its blood is of the type that comes\n"
        "last in CT-ICH's columns, as the paper counts (default), or the slice is left out",
    )
    found.add_argument(
        "--orientation", metavar="CODES", help="voxel axes of files whose header has none, such as RAS"
    )
    found.add_argument(
        "--brain",
        default="native",
        choices=METHODS,
        help="brain extraction: native is ours (default), ct-bet the paper's with FSL's bet2, none keeps the head",
    )
    found.add_argument(
        "--align",
        default="axes",
        choices=ALIGNMENTS,
        help="axes: common orientation by the header alone (default); rigid: the head is moved onto that of\n"
        "--template; where no motion can be trusted the scan stays as it is, with a flag",
    )
    found.add_argument(
        "--template",
        metavar="NIFTI",
        help="for --align rigid: a head or a brain in the wanted pose, in HU (default: a phantom's head)",
    )
    found.add_argument(
        "--save-masks", action="store_true", help="save the brain masks in DIR/masks, on the scans' own voxels"
    )
    found.add_argument("--no-qc", action="store_true", help="make no pictures, and no page of them (DIR/qc.html)")
    found.add_argument(
        "--series",
        default="auto",
        metavar="auto|all|N",
        help="of DICOM studies: auto takes the thinnest soft-tissue axial series, all every axial one,\n"
        "a number (or several, 2,4) those SeriesNumbers",
    )
    found.add_argument("--seed", type=int, default=0, help="of the shuffle within the bags")
    found.add_argument("--jobs", type=int, help="worker processes (default: all cores)")
    found.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a running Dask scheduler, tcp://HOST:PORT or its file.json: its workers make the bags, by the same\n"
        "function; --scans is then a folder that all machines have by the same name",
    )
    found.add_argument("--force", action="store_true", help="write over what is in --out")
    return found


def run(args):
    """Finds, plans, makes and writes; returns the exit code."""
    _check_workers(args)
    settings = _settings(args)
    _check_aligned(args)
    reading = _reading(args)
    if settings.brain == "ct-bet" and shutil.which("bet2") is None:
        raise UsageError("--brain ct-bet: Expected FSL's bet2 on the PATH. Received: none; install FSL, or use native.")
    scans, rejected = find(args)
    units.check(args.unit, scans)
    _check_types(scans, reading)
    shards = inputs.plan(scans, settings)
    outputs = Outputs(masks=args.save_masks, thumbnails=not args.no_qc, unit=args.unit, types=reading)
    beside = _template(settings)
    info = describe(settings, inputs.fingerprint(scans, rejected), outputs, beside)
    if not args.force and is_done(args.out, plan_hash(shards, info)):
        print(f"{args.out} is already finished with these scans and settings; nothing to do.")
        _look(args)
        return 0
    if settings.template:  # what is no head is told before anything is written
        from preprocessing.alignment import template

        template.load(settings.template)
    with _crew(args) as (products, crew):
        if args.force:
            clear(args.out)
        writer = DatasetWriter(args.out, shards, info, force=args.force)
        for name, content in beside.items():
            write_bytes(writer.folder / name, content)
        write(writer, scans, lambda wanted: products(wanted, settings, outputs, crew))
    info = writer.finish(rejected)
    _look(args)
    return report(args.out, info)


def _look(args):
    """Writes what people look at, unless it is there."""
    out = Path(args.out)
    wanted = [flow.TABLE] if args.no_qc else [flow.TABLE, PAGE]
    missing = [name for name in wanted if not (out / name).exists()]
    if not missing:  # of a large data set, what is known of the bags is not read for nothing
        return
    dataset = Dataset(out)
    metas = flow.metas(dataset)
    if flow.TABLE in missing:
        flow.table(dataset, metas)
    if PAGE in missing:
        page.write(out, metas)


def _template(settings):
    """{name: bytes} of the template beside the bags; nothing without one. Raises UsageError where it cannot be read."""
    if settings.template is None:
        return {}
    from preprocessing.alignment import template

    return {TEMPLATE: template.copied(settings.template)}


def _check_aligned(args):
    if args.align == "rigid" and (args.boxes or args.unit == "slice"):
        flag = "--boxes" if args.boxes else "--unit slice"
        raise UsageError(f"{flag}: Expected --align axes; aligned slices are not the scan's own. Received: rigid.")


def _reading(args):
    """How masks are read where types are asked for, else None."""
    if not args.types:
        if args.mask_classes is not None or args.several != bleeds.SEVERAL[0]:
            raise UsageError("--mask-classes and --several: Expected --types with them. Received: none.")
        return None
    if args.unit != "slice":
        raise UsageError(f"--types: Expected --unit slice, as types are those of slices. Received: {args.unit}.")
    if args.mask_classes is not None and args.masks is None:
        raise UsageError("--mask-classes: Expected --masks with it. Received: none.")
    names = () if args.mask_classes is None else bleeds.mask_classes(args.mask_classes)
    return bleeds.Reading(names, args.several, args.masks is not None)


def _check_types(scans, reading):
    """Raises UsageError where nothing tells a type of any slice."""
    if reading is None or not scans or (reading.mask_classes and any(scan.mask for scan in scans)):
        return
    if not any(1 in row for scan in scans for row in (scan.slice_labels or {}).values()):
        raise UsageError(
            "--types: Expected a type of bleed for at least one slice: masks of class ids with --mask-classes, or a "
            "table id,source_index,type, CT-ICH's or RSNA's as --labels or --slice-labels. Received: none."
        )


def find(args):
    """Returns ([Scan], rejected rows). Raises UsageError where there is nothing to do at all."""
    masks = None if args.masks is None else inputs.find_masks(args.masks)
    volumes, no_scans = sources.find(args.scans, _series(args.series), without=args.masks)
    given = tables.read(args, volumes, masks)
    if masks is not None:
        tables.check_same_ids(given.volumes, masks, args.scans, args.masks)
    bad_ids = {id for id, _, _ in given.rejected}
    scans, rejected = inputs.match(
        given.volumes, given.labels, args.labels, masks, given.slices, given.bad_slices, given.boxes
    )
    # A scan whose row is bad is told about once, by the row's own reason.
    rejected = [row for row in rejected if row[0] not in bad_ids or "without a label" not in row[2]]
    return scans, given.rejected + no_scans + rejected


def describe(settings, fingerprint, outputs, files):
    """What `dataset.json` says about how the bags were made; `files`: {name: bytes} of what prediction needs too."""
    made = {
        "kind": "ct",
        "algorithm": ALGORITHM,
        "unit": outputs.unit,
        "settings": {**settings.to_dict(), "template": TEMPLATE if settings.template else None},
        "hash": settings.hash(),
        "version": package_version(),
    }
    if outputs.types is not None:  # a key of its own, so that the plans of other data sets stay what they were
        made["types"] = {"mask_classes": list(outputs.types.mask_classes), "several": outputs.types.several}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    beside = {"masks": outputs.masks, "pictures": outputs.thumbnails, "files": hashes}
    classes = CLASSES if outputs.types is None else list(bleeds.CLASSES)
    return {"classes": classes, "preprocessing": made, "inputs": fingerprint, "beside": beside}


@contextlib.contextmanager
def _crew(args):
    """(the function that makes products, its last argument): here, or on a cluster as long as the context lasts."""
    if args.scheduler is None:
        yield workers.products, args.jobs or available()
        return
    from preprocessing import cluster

    with cluster.connected(args.scheduler) as client:
        yield cluster.products, client


def _series(wanted):
    if wanted in ("auto", "all") or all(part.isdecimal() for part in wanted.split(",")):
        return wanted
    raise UsageError(f"--series: Expected auto, all, or series numbers such as 2 or 2,4. Received: {wanted!r}.")


def _check_workers(args):
    if args.jobs is not None and args.scheduler is not None:
        raise UsageError("--jobs: Expected none with --scheduler, whose workers do the work. Received: both.")
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs: Expected at least 1. Received: {args.jobs}.")


def _settings(args):
    chosen = {name: getattr(args, name) for name in CtSettings.__dataclass_fields__ if hasattr(args, name)}
    chosen["template"] = args.template and os.path.abspath(args.template)  # workers may start elsewhere
    if args.template is not None and args.align != "rigid":
        raise UsageError("--template: Expected --align rigid with it. Received: --align axes.")
    return CtSettings.from_dict(chosen)
