"""Predict head CTs with an exported model: NIfTI or DICOM in, JSON, CSV and a sheet (PNG) a scan out.

    python -m mil_tf.predict scan.nii.gz --model runs/.../seed-0/export --out answers
    python -m mil_tf.predict FOLDER      --model runs/.../seed-0/export --out answers

Scans are prepared with the settings that the model carries, those of its training data. Per scan ID.json,
ID.csv (a row a slice; empty slices, which are not scored, have no probability) and ID.png; over
all scans predictions.csv, and rejected.csv with the reason for each scan that could not be used. A scan that
is visibly unlike the training data is predicted all the same, with a warning on stderr and in its outputs. Where
the training data was aligned to a template, scans are too, by the one that the model carries; scan_slice in
the outputs is the slice of the file.

Of a model that says where in a slice it looked (nemcek2021) there is also ID_heat.nii.gz, its heat map from 0 to 1 on
the scan's own voxels, to be laid over the scan in a viewer; ID.json lists the points of bleeding, in the scan's
millimetres (RAS+) and voxels, and the sheet shows both. With max pooling the map is the likelihood of bleeding at a
position; with attention, the attention to it of the slice's highest, times the slice's probability.

Exit code: 0, 1 where a scan was rejected, 2 where the command could not start or go on.
"""

import argparse
import sys
from pathlib import Path

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
        help="a .nii or .nii.gz file, a zip archive of DICOM files, or a folder of either or of DICOM files,\n"
        "searched with its subfolders",
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
    found.add_argument("--force", action="store_true", help="write over answers that are there")
    return found


def run(args):
    """Finds the scans, loads the model, answers scan by scan; returns the exit code."""
    import dataclasses

    from mil_tf.prediction.job import make_room, predict_all
    from mil_tf.prediction.model import ExportedModel
    from mil_tf.prediction.scans import find_scans

    model, out = ExportedModel(args.model), Path(args.out)
    settings = model.settings
    if args.orientation is not None:
        settings = dataclasses.replace(settings, orientation=args.orientation)
    scans, rejected = find_scans(args.scans)
    make_room(out, [id for id, _ in scans], args.force)
    model.load()
    answered, rejected = predict_all(scans, rejected, model, settings, out, args.maps)
    print(f"{answered} scans predicted, the table over them is {out / 'predictions.csv'}")
    if rejected:
        print(f"{rejected} rejected: see {out / 'rejected.csv'}")
    return 1 if rejected else 0


if __name__ == "__main__":
    sys.exit(main())
