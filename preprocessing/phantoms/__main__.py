"""Makes procedural head CTs, slides of stained tissue and microscopy fields.

python -m preprocessing phantoms ct --n 200 --out DIR        NIfTI scans, masks, labels.csv, slices.csv, types.csv
python -m preprocessing phantoms sheet --out PNG             a contact sheet of one phantom, brain window
python -m preprocessing phantoms slides --n 60 --out DIR     pyramidal TIFF slides, masks, labels.csv
python -m preprocessing phantoms slide-sheet --out PNG       a contact sheet of slides, one a location
python -m preprocessing phantoms fields --n 120 --out DIR    microscopy fields, masks, images.csv, moa.csv, cells.csv
python -m preprocessing phantoms field-sheet --out PNG       a contact sheet of fields, one a class
"""

import argparse
import contextlib
import os
import sys


def main(args=None):
    """Command line of the phantoms; returns the exit code."""
    options = parser().parse_args(args)
    try:
        options.run(options)
    except (FileExistsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parser():
    """The argument parser of all commands."""
    top = argparse.ArgumentParser(
        "preprocessing phantoms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="command")
    ct = commands.add_parser("ct", help="a folder of head CTs with and without hemorrhage")
    ct.set_defaults(run=run_ct)
    ct.add_argument("--n", type=int, default=200, help="number of scans (200)")
    ct.add_argument("--out", required=True, help="folder to make")
    ct.add_argument("--size", type=int, default=512, help="matrix; the field of view stays the same (512)")
    ct.add_argument("--seed", type=int, default=0)
    ct.add_argument("--prevalence", type=float, default=0.5, help="share of scans with a hemorrhage (0.5)")
    ct.add_argument(
        "--volume", type=float, nargs=2, default=(22.0, 80.0), metavar=("LEAST", "MOST"),
        help="cm3 of a scan's bleeds; less is harder to learn (22 80)",
    )
    ct.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (all cores)")
    ct.add_argument(
        "--brain-masks", action="store_true", help="also write brain/, the cranial cavity of every scan"
    )
    add_scanner(ct)
    ct.add_argument("--force", action="store_true", help="replace what --out holds")
    show = commands.add_parser("sheet", help="a contact sheet of one phantom")
    show.set_defaults(run=run_sheet)
    show.add_argument("--out", required=True, help="PNG to write")
    show.add_argument("--seed", type=int, default=0)
    show.add_argument("--index", type=int, default=0)
    show.add_argument("--size", type=int, default=256)
    show.add_argument(
        "--type",
        type=int,
        choices=range(6),
        help="0 none, 1 epidural, 2 subdural, 3 intraparenchymal, "
        "4 intraventricular, 5 subarachnoid; drawn if not given",
    )
    show.add_argument("--outline", action="store_true", help="draw the mask's outline")
    add_scanner(show)
    add_slides(commands)
    add_fields(commands)
    return top


def add_scanner(command):
    """Adds the choice of `scanners.SCANNERS`, named here so that help needs nothing heavy."""
    command.add_argument(
        "--scanner", default="standard", choices=("standard", "shifted", "low"),
        help="another hospital's (shifted), or a scan of low quality (low); see docs/PREPROCESSING.md (standard)",
    )


def add_slides(commands):
    """Adds the commands of the slides."""
    slides = commands.add_parser("slides", help="a folder of slides with and without tumour")
    slides.set_defaults(run=run_slides)
    slides.add_argument("--n", type=int, default=60, help="number of slides (60)")
    slides.add_argument("--out", required=True, help="folder to make")
    slides.add_argument("--size", type=int, default=4096, help="pixels along each side (4096)")
    slides.add_argument("--mpp", type=float, default=0.5, help="micrometres a pixel (0.5)")
    slides.add_argument("--seed", type=int, default=0)
    slides.add_argument(
        "--locations", type=names, default="tubular,airy,fatty",
        help="looks of healthy tissue, of tubular, airy, fatty, crypts and bundles (tubular,airy,fatty)",
    )
    slides.add_argument("--prevalence", type=float, default=0.5, help="share of slides with a tumour (0.5)")
    slides.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (all cores)")
    slides.add_argument("--force", action="store_true", help="replace what --out holds")
    show = commands.add_parser("slide-sheet", help="a contact sheet of slides, one a location")
    show.set_defaults(run=run_slide_sheet)
    show.add_argument("--out", required=True, help="PNG to write")
    show.add_argument("--seed", type=int, default=0)
    show.add_argument("--size", type=int, default=4096, help="pixels along each side (4096)")
    show.add_argument("--mpp", type=float, default=0.5, help="micrometres a pixel (0.5)")
    show.add_argument("--locations", type=names, default="tubular,airy,fatty,crypts,bundles")


def add_fields(commands):
    """Adds the commands of the microscopy fields."""
    fields = commands.add_parser("fields", help="a folder of microscopy fields")
    fields.set_defaults(run=run_fields)
    fields.add_argument("--n", type=int, default=120, help="number of fields (120)")
    fields.add_argument("--out", required=True, help="folder to make")
    fields.add_argument(
        "--size", type=int, nargs=2, default=(1024, 1280), metavar=("H", "W"), help="pixels (1024 1280)"
    )
    fields.add_argument("--vary", type=float, default=0.0, help="share that sides are longer or shorter by (0)")
    fields.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (all cores)")
    fields.add_argument("--force", action="store_true", help="replace what --out holds")
    show = commands.add_parser("field-sheet", help="a contact sheet of fields, one a class")
    show.set_defaults(run=run_field_sheet)
    show.add_argument("--out", required=True, help="PNG to write")
    show.add_argument("--size", type=int, nargs=2, default=(300, 300), metavar=("H", "W"), help="pixels (300 300)")
    for command in (fields, show):
        command.add_argument(
            "--kind", default="mechanisms", choices=("mechanisms", "localisation"),
            help="cancer cells under 12 mechanisms of action, or yeast with a protein in 10 places (mechanisms)",
        )
        command.add_argument("--scale", type=float, default=1.0, help="1: a cancer cell is 40 to 60 pixels wide (1)")
        command.add_argument("--seed", type=int, default=0)


def names(text):
    """Comma-separated names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@contextlib.contextmanager
def _counted(n, what):
    """Shows progress over n of what is made, and yields what is called after each."""
    from preprocessing.progress import Progress

    bar = Progress(n, what=what)
    try:
        yield bar.step
    finally:
        bar.close()


def run_ct(options):
    from .cohort import make_cohort

    with _counted(options.n, "phantoms") as step:
        make_cohort(
            options.out,
            options.n,
            options.size,
            options.seed,
            options.prevalence,
            options.jobs,
            options.force,
            options.brain_masks,
            step=step,
            volume=options.volume,
            scanner=options.scanner,
        )


def run_sheet(options):
    import matplotlib.image

    from .phantom import generate
    from .sheet import sheet

    kinds = (options.type,) if options.type else None
    positive = None if options.type is None else options.type > 0
    phantom = generate(options.seed, options.index, options.size, positive, kinds, scanner=options.scanner)
    mask = phantom.mask if options.outline else None
    matplotlib.image.imsave(options.out, sheet(phantom.volume, phantom.affine, mask))


def run_slides(options):
    from .slides.cohort import make_cohort

    with _counted(options.n, "slides") as step:
        make_cohort(
            options.out,
            options.n,
            options.size,
            options.mpp,
            options.seed,
            options.locations,
            options.prevalence,
            options.jobs,
            options.force,
            step=step,
        )


def run_slide_sheet(options):
    import matplotlib.image

    from .slides.sheet import sheet

    matplotlib.image.imsave(options.out, sheet(options.seed, options.locations, options.size, options.mpp))


def run_fields(options):
    from .fields.cohort import make_cohort

    with _counted(options.n, "fields") as step:
        make_cohort(
            options.out,
            options.n,
            options.kind,
            options.size,
            options.scale,
            options.seed,
            options.vary,
            options.jobs,
            options.force,
            step=step,
        )


def run_field_sheet(options):
    import matplotlib.image

    from .fields.field import check_size
    from .fields.sheet import sheet

    check_size(options.size, options.scale)
    matplotlib.image.imsave(options.out, sheet(options.kind, options.size, options.scale, options.seed))


if __name__ == "__main__":
    sys.exit(main())
