"""Predict with an exported model: head CTs in NIfTI or DICOM, slides, or microscopy fields, as it has learned from.

    python -m mil_tf.predict scan.nii.gz --model runs/.../seed-0/export --out answers
    python -m mil_tf.predict slide.svs   --model runs/.../seed-0/export --out answers
    python -m mil_tf.predict field.tif   --model runs/.../seed-0/export --out answers
    python -m mil_tf.predict FOLDER      --model runs/.../seed-0/export --out answers
    python -m mil_tf.predict FOLDER --images CSV --model runs/.../seed-0/export --out answers

Over all scans, slides or fields there are predictions.csv, and rejected.csv with the reason for each that could not be
used.
One that is visibly unlike the training data is predicted all the same, with a warning on stderr and in its outputs.

Scans are prepared with the settings that the model carries, those of its training data. Per scan ID.json,
ID.csv (a row a slice; empty slices, which are not scored, have no probability) and ID.png. Where
the training data was aligned to a template, scans are too, by the one that the model carries; scan_slice in
the outputs is the slice of the file.

Of a model that says where in a slice it looked (nemcek2021) there is also ID_heat.nii.gz, its heat map from 0 to 1 on
the scan's own voxels, to be laid over the scan in a viewer; ID.json lists the points of bleeding, in the scan's
millimetres (RAS+) and voxels, and the sheet shows both. With max pooling the map is the likelihood of bleeding at a
position; with attention, the attention to it of the slice's highest, times the slice's probability.

Of a segmenter (parida2021) there are ID_segmentation.nii.gz, class ids on the scan's own voxels, which ID.json names
beside the volume of each in cm3, and ID.csv, a row a slice with the area of each.

Slides (lerousseau2020) are read at the resolution of the training data, and scored wherever they have tissue, in
windows: a larger slide takes more memory only for the small picture on which tissue is found. Per slide:

    ID.ome.tif      map of probabilities, float32, 0 without tissue: a pyramid with the size of its pixels, which lies
                    on the slide in a viewer (QuPath, ImageJ)
    ID.geojson      outlines of the regions above the model's threshold, in pixels of the slide, for QuPath
    ID_tiles.csv    a row a tile: its place in pixels of the slide, its share of tissue, probability and logit
    ID_tiles.png    the form that the authors released: a pixel a tile, black without tissue, else blue 255, red 255 p
    ID_overlay.png  the slide beside itself with the map over it
    ID.json         the slide's probability, which is its most probable tile's, areas in mm2, how it was read

Microscopy fields (kraus2016) are TIFF or PNG files of all the model's channels, in its order, a file a field; or those
that --images names, a table in either form of `python -m preprocessing fields`, BBBC021's image table among them, whose
files of one channel each lie in FOLDER. Labels in it are not read. Fields may be of other sizes than in training. Per
field:

    ID.json         probabilities of every class, of the last layer and of the MIL layer, the classes that it is said to
                    have, and its regions with class, centre and area, in pixels of the files
    ID_overlay.png  image, Jacobian maps, and regions in the colour of their class
    ID_cells.csv    a row a region: what the Jacobian map shows as one piece, a cell or several that touch
    ID_labels.tif   label image of the file's size: a number a region, 0 outside, for ImageJ and CellProfiler

Exit code: 0, 1 where a scan, slide or field was rejected, 2 where the command could not start or go on.
"""

import argparse
import sys
from pathlib import Path

ONLY_FOR = {"scans": ("orientation", "maps"), "slides": ("mpp", "map", "precision", "window"), "fields": ("images",)}
INTERRUPTED = 130  # the shell's code for a command that SIGINT ended


def main(args=None):
    """Runs the command; returns its exit code."""
    args = parser().parse_args(args)
    from mil_tf.prediction.model import ModelError
    from preprocessing.errors import UsageError

    try:
        return run(args)
    except (ModelError, UsageError, OSError) as error:
        print(f"python -m mil_tf.predict: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. The answers in {args.out} so far are whole.", file=sys.stderr)
        return INTERRUPTED


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m mil_tf.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        "scans", metavar="SCAN_OR_FOLDER",
        help="a .nii or .nii.gz file, a zip archive of DICOM files, a slide (.svs, .ndpi, .mrxs, .tif and others), a "
        "field (.tif, .png), or a folder of these or of DICOM files, searched with its subfolders",
    )
    found.add_argument("--model", required=True, metavar="EXPORT", help="export/ folder of a finished run")
    found.add_argument("--out", required=True, metavar="DIR", help="folder for the answers, made if missing")
    found.add_argument(
        "--orientation", metavar="CODES", help="voxel axes of files whose header has none, such as RAS"
    )
    found.add_argument(
        "--maps", action="store_true",
        help="write ID_probability.nii.gz too: the slices' probabilities on the scan's voxels",
    )
    found.add_argument(
        "--mpp", type=float, metavar="MICROMETRES", help="of slides whose files do not say it: the size of their pixels"
    )
    found.add_argument(
        "--map", choices=("tile", "position"),
        help="of slides: each position by itself, or averaged over the tile around it first (default: the model's own)",
    )
    found.add_argument(
        "--precision", choices=("float32", "bfloat16"),
        help="of slides: bfloat16 takes half the time on processors that have it, and moves probabilities by about a "
        "hundredth (default: float32)",
    )
    found.add_argument(
        "--window", type=int, metavar="PIXELS",
        help="of slides: a side of what is scored at a time (default: 2048, up to 4 GB with a ResNet-50); larger ones "
        "take more memory and less time, because what lies around a window is scored with it",
    )
    found.add_argument(
        "--images", metavar="CSV", help="of fields: table of the images in the folder, which may have a file a channel"
    )
    found.add_argument("--force", action="store_true", help="write over answers that are there")
    return found


def run(args):
    """Answers scans, slides or fields, as the model does; returns the exit code."""
    from mil_tf.prediction.kinds import kind_of

    what = kind_of(args.model)
    _check(args, what)
    answered, rejected = {"scans": _scans, "slides": _slides, "fields": _fields}[what](args)
    out = Path(args.out)
    print(f"{answered} {what} predicted, the table over them is {out / 'predictions.csv'}")
    if rejected:
        print(f"{rejected} rejected: see {out / 'rejected.csv'}")
    return 1 if rejected else 0


def _check(args, what):
    """Raises UsageError at an argument that the model has no use for."""
    from preprocessing.errors import UsageError

    for kind, names in ONLY_FOR.items():
        given = [name for name in names if getattr(args, name) not in (None, False)]
        if given and kind != what:
            raise UsageError(f"--{given[0]} is for {kind}, and {args.model} predicts {what}.")
    if args.mpp is not None and not 0 < args.mpp < float("inf"):
        raise UsageError(f"--mpp: Expected micrometres a pixel above 0. Received: {args.mpp}.")
    if args.window is not None and args.window < 1:
        raise UsageError(f"--window: Expected pixels, at least 1. Received: {args.window}.")


def _scans(args):
    """Finds the scans, loads the model, answers scan by scan; returns how many were answered and rejected."""
    import dataclasses

    from mil_tf.prediction import files, mask_files
    from mil_tf.prediction.job import make_room, predict_all
    from mil_tf.prediction.mask_job import segment_all
    from mil_tf.prediction.mask_model import MaskModel, is_of_masks
    from mil_tf.prediction.model import ExportedModel
    from mil_tf.prediction.scans import find_scans
    from preprocessing.errors import UsageError

    masks = is_of_masks(args.model)
    if masks and args.maps:
        raise UsageError(f"--maps is for models of probabilities, and {args.model} segments: it writes masks always.")
    model, out = (MaskModel if masks else ExportedModel)(args.model), Path(args.out)
    settings = model.settings
    if args.orientation is not None:
        settings = dataclasses.replace(settings, orientation=args.orientation)
    scans, rejected = find_scans(args.scans)
    make_room(out, [id for id, _ in scans], args.force, (mask_files if masks else files).SUFFIXES)
    model.load()
    if masks:
        return segment_all(scans, rejected, model, settings, out)
    return predict_all(scans, rejected, model, settings, out, args.maps)


def _slides(args):
    """As `_scans`, of slides."""
    from mil_tf.prediction.job import make_room
    from mil_tf.prediction.scans import find_slides
    from mil_tf.prediction.slide_files import SUFFIXES
    from mil_tf.prediction.slide_job import predict_slides
    from mil_tf.prediction.tile_model import TileModel

    given = {name: getattr(args, name) for name in ("mpp", "map", "precision", "window")}
    given = {name: value for name, value in given.items() if value is not None}
    model, out = TileModel(args.model, **given), Path(args.out)
    slides, rejected = find_slides(args.scans)
    make_room(out, [id for id, _ in slides], args.force, SUFFIXES)
    model.load()
    return predict_slides(slides, rejected, model, out)


def _fields(args):
    """As `_scans`, of microscopy fields."""
    from mil_tf.prediction.field_files import SUFFIXES
    from mil_tf.prediction.field_job import predict_fields
    from mil_tf.prediction.field_model import FieldModel
    from mil_tf.prediction.field_sources import in_folder, in_table
    from mil_tf.prediction.job import make_room

    model, out = FieldModel(args.model), Path(args.out)
    if args.images is None:
        fields, rejected = in_folder(args.scans, model.channels)
    else:
        fields, rejected = in_table(args.images, args.scans, model.channels)
    make_room(out, [id for id, _ in fields], args.force, SUFFIXES)
    model.load()
    return predict_fields(fields, rejected, model, out)


if __name__ == "__main__":
    sys.exit(main())
