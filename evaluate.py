"""Score a run: metrics with 95 % intervals, figures as PNG and PDF, and a report to open in a browser.

    python evaluate.py runs/remedios2020/bags-400/fold-0/seed-0
    python evaluate.py runs/remedios2020             every run below, and how many bags are enough
    python evaluate.py RUN --on DIR --name X         another cohort: predicted first, then scored

Reads predictions-*.csv, instances-*.csv, config.json and history.csv of the run; writes evaluation/ and
report.html into it (evaluation/X/ and report-X.html for another cohort). Decisions are reported at 0.5 and
at the threshold that the validation bags choose. Several runs are a grid of sizes, folds and seeds: the folder
itself then has evaluation/ and report.html too, with the metrics against the number of bags, in both readings of a
cross-validation (per fold, ensemble), a fitted learning curve, and the smallest number that reaches the largest.
"""

import argparse
import sys


def main(args=None):
    """Run the command; returns its exit code: 0, or 2 after one line on what is wrong."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", help="a run folder, or a folder with runs below it")
    parser.add_argument("--on", metavar="DIR", help="another cohort: a folder of preprocessed bags")
    parser.add_argument("--name", metavar="X", help="name of that cohort's tables: letters, digits, - and _")
    parser.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default 0)")
    parser.add_argument("--margin", type=float, default=0.01,
                        help="shortfall of a grid's largest size that would not matter (default 0.01)")
    options = parser.parse_args(args)
    if options.resamples < 2:
        parser.error(f"expected --resamples of at least 2, received {options.resamples}")
    if not 0 <= options.margin < 1:
        parser.error(f"expected --margin of at least 0 and below 1, received {options.margin}")

    from mil_tf.evaluation.run import RunError, evaluate
    from mil_tf.evaluation.tables import TableError
    try:
        evaluate(options.run, options.on, options.name, options.resamples, options.seed,
                 margin=options.margin)
    except (RunError, TableError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
