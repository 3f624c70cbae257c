"""Files of the outside world -> bags, and bags -> splits.

    python -m preprocessing ct        head CTs (NIfTI, DICOM) and a label table -> bags
    python -m preprocessing slides    whole slides and a label table -> bags of tiles
    python -m preprocessing fields    microscopy fields and an image table -> bags of one image
    python -m preprocessing cohort    what was read, excluded and why, positive and negative; cohort.csv
    python -m preprocessing qc        a page of pictures to look through: qc.html
    python -m preprocessing split     patient-safe test set and folds -> splits.csv
    python -m preprocessing sample    slices of a set, balanced over types (parida2021) -> splits.csv
    python -m preprocessing phantoms  procedural head CTs with truth

Each has its own --help.
"""

import importlib
import sys

COMMANDS = {
    "ct": "preprocessing.ct_job",
    "slides": "preprocessing.slides.job",
    "fields": "preprocessing.fields.job",
    "cohort": "preprocessing.flow",
    "qc": "preprocessing.qc.page",
    "split": "preprocessing.split",
    "sample": "preprocessing.sample",
    "phantoms": "preprocessing.phantoms.__main__",
}


def main(args=None):
    """Hands the arguments after the command's name to that command; returns its exit code."""
    args = sys.argv[1:] if args is None else list(args)
    if not args or args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if args else 2
    if args[0] not in COMMANDS:
        print(
            f"python -m preprocessing: Expected one of {', '.join(COMMANDS)}. Received: {args[0]!r}.",
            file=sys.stderr,
        )
        return 2
    return importlib.import_module(COMMANDS[args[0]]).main(args[1:])


if __name__ == "__main__":
    sys.exit(main())
