"""Train a paper's detector from labels that only say whether disease is there, or what a whole image shows.

Without --data, the recipe's phantoms (head CTs, whole slides, or microscopy fields) are made and cached once (some
minutes), so that the method can be seen at work; the network is then still the paper's, hours on a CPU, unless --quick
makes it small. Several --bags, --folds or --seeds are a grid: each run in its own folder below --out and in a process
of its own, one a GPU, or one at a time on all cores. The same command goes on with a grid that was stopped or killed:
what is finished is left alone, what is not goes on from its checkpoint. A run that fails does not stop the others; the
command ends with 1 then. On a terminal a table shows how far the runs are; OUT/RECIPE/grid.csv holds it.

    python train.py --quick
    python train.py --data DIR --bags 100 400 --folds 5
    python train.py --data DIR --bags 100 400 --folds 5 --status
    python train.py --data DIR --bags 100 400 --folds 5 --shard $SLURM_ARRAY_TASK_ID/8      in an array of 1 to 8
"""

import argparse
import sys


def arguments():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--recipe", default="remedios2020", help="which paper (default: remedios2020)")
    found.add_argument(
        "--variant", default="default", metavar="default|paper|released",
        help="what learns best here, the paper's text to the letter, or the authors' released code",
    )
    found.add_argument(
        "--bags", type=int, nargs="+", metavar="N",
        help="training bags, a nested class-balanced subset of the fold; several are a curve (default: all)",
    )
    one_fold = found.add_mutually_exclusive_group()
    one_fold.add_argument("--fold", type=int, metavar="K", help="one fold (default: 0)")
    one_fold.add_argument("--folds", type=int, metavar="F", help="folds 0 to F-1")
    one_seed = found.add_mutually_exclusive_group()
    one_seed.add_argument("--seed", type=int, metavar="S", help="one seed (default: 0)")
    one_seed.add_argument("--seeds", type=int, metavar="S", help="seeds 0 to S-1")
    found.add_argument(
        "--data", metavar="DIR", help="folder of `python -m preprocessing ct`, `slides` or `fields`, and `split`"
    )
    found.add_argument(
        "--images", metavar="DIR",
        help="the image-level set (parida2021), of `preprocessing ct --types` and `sample`; short for --set images=DIR"
    )
    found.add_argument("--out", default="runs", metavar="DIR", help="folder of all runs (default: runs)")
    found.add_argument(
        "--strategy", metavar="mirrored|multiworker",
        help="all devices of this machine, or those of all workers (TF_CONFIG or SLURM); see README",
    )
    found.add_argument("--shard", metavar="I/N", help="the I-th of N shares of the grid, I from 1, equal in bags")
    found.add_argument("--jobs", type=int, metavar="N", help="runs at a time (default: one a GPU, or one on all cores)")
    found.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="train on the workers of this Dask cluster, tcp://HOST:PORT or its file.json, one run each",
    )
    found.add_argument("--status", action="store_true", help="print the table of the grid and stop")
    found.add_argument(
        "--resume", action="store_true",
        help="go on with an unfinished run, leave a finished one (a grid does so always, but with --strategy)",
    )
    found.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                       help="options of the recipe")
    found.add_argument(
        "--patches-in-memory", type=int, metavar="N",
        help="tiles of a slide that are in memory at once (lerousseau2020); short for --set patches_in_memory=N",
    )
    found.add_argument("--quick", action="store_true", help="a small network and few epochs, for a laptop")
    found.add_argument("--list-options", action="store_true", help="print the recipe's options with sources and stop")
    return found


def main(args=None):
    """Runs the command; returns its exit code."""
    given = arguments().parse_args(args)
    from mil_tf.command import train_command

    return train_command(given)


if __name__ == "__main__":
    sys.exit(main())
