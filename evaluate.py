"""Score a run: metrics with 95 % intervals, figures as PNG, PDF and CSV, and a report to open in a browser.

    python evaluate.py runs/remedios2020/bags-400/fold-0/seed-0
    python evaluate.py runs/remedios2020             every run below, and how many bags are enough
    python evaluate.py RUN --on DIR --name X         another cohort: predicted first, then scored
    python evaluate.py --predictions fold*.csv       tables of any models: y_true,y_prob[,y_pred][,id][,patient],
                                                     or of several classes: id,y_true_<class>,y_prob_<class>
    python evaluate.py --patches X.h5 --model EXPORT      a model of slides on patches of PatchCamelyon

Reads predictions-*.csv, instances-*.csv, config.json and history.csv of the run; writes evaluation/ and
report.html into it (evaluation/X/ and report-X.html for another cohort). Decisions are reported at 0.5 and
at the threshold that the validation bags choose. Maps of slides are scored pixel by pixel where the data set
knows the truth. Several runs are a grid of sizes, folds and seeds: the folder itself then has evaluation/ and
report.html too, with the metrics against the number of bags, in both readings of a cross-validation (per fold,
ensemble), a fitted learning curve, and the smallest number that reaches the largest.

--predictions scores the models of a cross-validation on one test set in both readings: per fold (each model by
itself, their mean and its interval) and ensemble (mean probability, majority vote). Without y_pred a bag is called
positive at 0.5, without id the rows must be the same bags in the same order, without patient every bag is a patient.

Of a run on fields (images of several classes) the answer is accuracy, class-mean accuracy and mean average precision
of its images, treatments (median over their images) and cropped cells, from predictions-*.csv and cells-*.csv;
several such runs have a page of accuracy and mean average precision against the number of bags.

Of a run that segments (parida2021) the answer is Dice, IoU, precision and recall before and after recursion, for each
cohort that it was run on (its own test slices, and those of every --on DIR --name X) and each type of bleed, with box
plots and outlines, from segments-X-before.csv and segments-X-after.csv.

--patches writes predictions-FILE.csv into --out (default: here) and scores it: AUC, average precision, and decisions at
the model's threshold.

Several groups of files, such as sizes of training sets, are scored at once. NAME= stands before the files of a
group: --predictions 100= a.csv b.csv 200= c.csv d.csv, or 100=a.csv,b.csv 200=c.csv,d.csv. Without names the paths
decide: those that differ only in the number after fold (else after k or f, split, model) and in that after seed are
one group (100/fold0.csv, predictions_672_fold0.csv, n100_k3.csv), and a fold in some paths only is refused; where
there is no such word, those that differ only in the last number that counts 0, 1, 2 or 1, 2, 3; where there is no
such number, all files are one group.
"""

import argparse
import sys


def main(args=None):
    """Run the command; returns its exit code: 0, or 2 after one line on what is wrong."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run folder, or a folder with runs below it")
    parser.add_argument("--on", metavar="DIR", help="another cohort: a folder of preprocessed bags")
    parser.add_argument("--name", metavar="X", help="name of that cohort's tables: letters, digits, - and _")
    parser.add_argument("--predictions", metavar="CSV", nargs="+", action="extend",
                        help="tables of any models: y_true,y_prob[,y_pred][,id][,patient]; other columns are ignored")
    parser.add_argument("--against", metavar="CSV", nargs="+", action="extend",
                        help="other tables of the same bags in the same form: both are compared by paired tests")
    parser.add_argument("--patches", metavar="FILE", help="HDF5 file of patches as PatchCamelyon's: x, (n, 96, 96, 3)")
    parser.add_argument("--labels", metavar="FILE",
                        help="HDF5 file of their labels: y, (n, 1, 1, 1) (default: ..._y.h5 beside ..._x.h5)")
    parser.add_argument("--model", metavar="EXPORT", help="with --patches: the export/ folder of a run on slides")
    parser.add_argument("--out", metavar="DIR", help="with --predictions, --patches: folder for CSV, JSON and figures")
    parser.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default 0)")
    parser.add_argument("--margin", type=float, default=0.01,
                        help="shortfall of a grid's largest size that would not matter (default 0.01)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that evaluate runs (default: one a core)")
    options = parser.parse_args(args)
    if options.resamples < 2:
        parser.error(f"expected --resamples of at least 2, received {options.resamples}")
    if options.workers is not None and options.workers < 1:
        parser.error(f"expected --workers of at least 1, received {options.workers}")
    if not 0 <= options.margin < 1:
        parser.error(f"expected --margin of at least 0 and below 1, received {options.margin}")

    _check_words(parser, options)

    if options.patches is not None:
        return _patches(options)
    from mil_tf.evaluation.run import RunError, evaluate
    from mil_tf.evaluation.scored import score_files
    from mil_tf.evaluation.tables import TableError
    try:
        if options.predictions is not None:
            score_files(options.predictions, options.against, options.out, options.resamples, options.seed)
        else:
            evaluate(options.run, options.on, options.name, options.resamples, options.seed, margin=options.margin,
                     workers=options.workers)
    except (RunError, TableError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    return 0


def _check_words(parser, options):
    """Ends the command at words that do not go together."""
    if sum(each is not None for each in (options.run, options.predictions, options.patches)) != 1:
        parser.error("expected either RUN, --predictions or --patches")
    if options.predictions is None and options.against:
        parser.error("expected --against beside --predictions only")
    if options.run is not None and options.out:
        parser.error("expected --out beside --predictions and --patches only")
    if options.run is None and (options.on or options.name):
        parser.error("expected --on and --name beside RUN only")
    if (options.patches is None) != (options.model is None) or (options.patches is None and options.labels):
        parser.error("expected --patches with --model, and --labels beside them only")


def _patches(options):
    """Predicts patches and scores the table; returns the command's exit code."""
    from mil_tf.evaluation.scored import score_files
    from mil_tf.evaluation.tables import TableError
    from mil_tf.prediction.model import ModelError
    from mil_tf.prediction.patch_file import PatchError
    from mil_tf.prediction.patches import predict_patches

    try:
        table = predict_patches(options.patches, options.model, options.labels, options.out)
        score_files([str(table)], None, options.out, options.resamples, options.seed)
    except (ModelError, PatchError, TableError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
