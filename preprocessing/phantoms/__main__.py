"""Makes procedural head CTs.

python -m preprocessing phantoms ct --n 200 --out DIR    NIfTI scans, masks, labels.csv, slices.csv
python -m preprocessing phantoms sheet --out PNG         a contact sheet of one phantom, brain window
"""

import argparse
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
    """The argument parser of both commands."""
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
    return top


def run_ct(options):
    from preprocessing.progress import Progress

    from .cohort import make_cohort

    bar = Progress(options.n, what="phantoms")
    try:
        make_cohort(
            options.out,
            options.n,
            options.size,
            options.seed,
            options.prevalence,
            options.jobs,
            options.force,
            options.brain_masks,
            step=bar.step,
            volume=options.volume,
        )
    finally:
        bar.close()


def run_sheet(options):
    import matplotlib.image

    from .phantom import generate
    from .sheet import sheet

    kinds = (options.type,) if options.type else None
    positive = None if options.type is None else options.type > 0
    phantom = generate(options.seed, options.index, options.size, positive, kinds)
    mask = phantom.mask if options.outline else None
    matplotlib.image.imsave(options.out, sheet(phantom.volume, phantom.affine, mask))


if __name__ == "__main__":
    sys.exit(main())
