"""Writes the tables of README.md and docs/*.md from the committed results in docs/results/.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; NAME is a CSV of docs/results: single runs, one a
seed, of which the table has the mean with a 95 % interval (Student's t); or an evaluation's metrics.csv; or a
benchmark's repetitions, median [least, greatest]; or coverages of simulated cohorts; or a paper's table with ours
beside it; or the rows of a benchmark as they are.

    python benchmarks/tables.py
"""

import argparse
import csv
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MARK = re.compile(r"(<!-- table (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Columns of results that are measured per seed, with their heading; the others of full_size are copied.
MEASURED = {
    "bag_ap": "bag AP", "bag_auc": "bag AUC", "instance_auc": "instance AUC", "train_loss": "last training loss",
    "standard_train": "standard: training AUC", "standard_test": "test AUC",
    "threshold_train": "threshold: training AUC", "threshold_test": "test AUC",
    "accuracy": "slice accuracy", "slice_auc": "slice AUC", "ppv": "PPV", "sensitivity": "sensitivity", "dice": "Dice",
    "middle_dice": "Dice of the middle",
    "false_frequency_train": "false frequency: training AUC", "false_frequency_test": "test AUC",
    "image_map": "images: mAP", "image_accuracy": "accuracy", "image_class_mean_accuracy": "class mean",
    "treatment_accuracy": "treatments: accuracy", "cell_bag_map": "cells by the image's label: mAP",
    "cell_bag_accuracy": "accuracy", "cell_own_map": "cells by their own label: mAP", "cell_own_accuracy": "accuracy",
}
TESTED = {
    ("ap", ""): "bag AP", ("auc", ""): "bag AUC", ("tpr", "0.5"): "TPR at 0.5", ("tnr", "0.5"): "TNR at 0.5",
    ("slice_pooled_auc_detector", ""): "slice AUC", ("slice_within_auc_detector", ""): "slice AUC within patients",
    ("slice_top_hit_detector", ""): "top slice truly bleeds",
}
# Of a benchmark whose rows stand as they are: the columns that a reader needs, with their headings.
COPIED = {
    "full_size": {
        "part": "part", "bags": "bags", "slices": "slices a bag", "window_seconds": "window, s",
        "prediction_seconds": "prediction of one bag, s", "peak_gib": "peak memory, GiB",
    },
    "full_size_positions": {
        "network": "network", "pooling": "pooling", "parameters": "parameters", "slices": "slices a step",
        "step_seconds": "step, s", "prediction_seconds": "prediction of a slice, s", "peak_gib": "peak memory, GiB",
    },
    "full_size_fields": {
        "learns_from": "learns from", "parameters": "parameters", "fields": "fields a step", "step_seconds": "step, s",
        "step_peak_gib": "peak memory, GiB", "prediction_seconds": "prediction of a field, s",
        "peak_gib": "peak memory with it, GiB",
    },
    "full_size_tiles": {
        "in_memory": "tiles in memory", "parameters": "parameters", "visit_seconds": "visit of 150 tiles, s",
        "visit_peak_gib": "peak memory, GiB", "map_seconds": "map, s", "peak_gib": "peak memory with it, GiB",
    },
    "exact": {
        "run": "run", "ap_first": "AP, exact", "ap_second": "AP, fast", "ap_value": "difference", "ap_low": "from",
        "ap_high": "to", "ap_p": "p", "auc_value": "AUC, difference", "auc_low": "from", "auc_high": "to", "auc_p": "p",
    },
    "cropping": {
        "size": "size", "bags": "bags", "slices": "slices", "area_percent": "area searched, %",
        "probability_median": "probability, median difference", "probability_most": "largest",
        "log_odds_median": "log odds, median difference", "log_odds_spread": "their spread in a bag",
        "other_slice": "bags with another top slice",
    },
    "brain": {
        "group": "heads", "heads": "n", "dice_median": "Dice, median", "dice_least": "least",
        "blood_kept_median": "blood kept, median", "blood_kept_least": "least",
        "volume_error_percent_median": "volume error, %, median", "seconds": "s a scan, median",
    },
    "alignment": {
        "template": "template", "scans": "scans", "trials": "motions", "share": "undone", "flagged": "flagged",
        "degrees_median": "degrees left, median", "degrees_p95": "95th percentile", "mm_median": "mm left, median",
        "mm_p95": "95th percentile", "seconds_median": "s a scan, median",
    },
    "belief": {
        "coupling": "coupling", "spread": "spread", "grid": "grid", "grids": "grids",
        "mean_error": "marginals, mean error", "largest_error": "largest", "marginal_labels": "likelier labels right",
        "map_labels": "labels of max-product right",
        "map_found": "likeliest labelling found", "sum_converged": "converged",
    },
    "selection": {
        "dtype": "precision", "search": "search", "bags": "bags", "other_slice": "another slice", "other_percent": "%",
        "most_behind": "behind in probability, at most", "rescored_percent": "slices rescored, %",
        "error": "largest error / allowed",
    },
}
# Of a grid: decisions at the paper's 0.5, and the columns of its table.
RULES = ("", "at 0.5")
READINGS = [(metric, reading) for metric in ("ap", "auc", "tpr", "tnr") for reading in ("per fold", "ensemble")]
# Of columns of ratios, where the name does not tell.
REFERENCES = {
    "to_torch_float32": "PyTorch float32", "to_torch_bfloat16": "PyTorch bfloat16",
    "to_kept_bfloat16": "PyTorch bfloat16, kept memory", "to_torch": "PyTorch", "to_torch_folded": "PyTorch folded",
    "to_onnx": "ONNX Runtime",
}


def main(args=None):
    """Runs the command; returns its exit code."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        page.write_text(MARK.sub(lambda m: m.group(1) + table(m.group("name")) + m.group(3), text), encoding="utf-8")
    return 0


def table(name):
    """The Markdown table of `docs/results/<name>.csv`."""
    path = ROOT / "docs" / "results" / f"{name}.csv"
    if not path.exists():
        return "(not measured yet)\n"
    with open(path, newline="", encoding="utf-8") as file:
        results = list(csv.DictReader(file))
    if "alpha" in results[0]:
        return alpha_beta(results)
    kinds = {"seed": by_seed, "cohort": metrics, "repetitions": repeated, "coverage": covered, "reading": sizes}
    shape = next((kinds[key] for key in kinds if key in results[0]), None)
    return markdown(*(shape(results) if shape else copied(results, COPIED[name])))


def alpha_beta(results):
    """lerousseau2020's Table 1 with ours beside it, and below it whether the paper's pattern holds."""
    from benchmarks.alpha_beta_pattern import pattern
    from benchmarks.alpha_beta_table import table_one

    return f"{markdown(*table_one(results))}\n{pattern(results)}\n"


def by_seed(results):
    """(headings, rows): one row a name, and a data set or number of bags where there are several, mean over seeds."""
    measured = [key for key in MEASURED if key in results[0]]
    curve = [key for key in ("data", "bags") if len({r.get(key) for r in results}) > 1]
    groups = {}
    for result in results:
        groups.setdefault(tuple(result[key] for key in ("row", *curve)), []).append(result)
    rows = [
        [*name, str(len(mine)), *(_over_seeds([float(r[key]) for r in mine]) for key in measured)]
        for name, mine in groups.items()
    ]
    return ["", *curve, "seeds", *(MEASURED[key] for key in measured)], rows


def _over_seeds(values):
    """Mean with its interval; of those that are defined, with their number where that is not all of them."""
    from benchmarks.common import interval

    defined = [value for value in values if value == value]
    of = "" if len(defined) == len(values) else f" ({len(defined)} of {len(values)})"
    return (interval(defined) if defined else "undefined") + of


def metrics(results):
    """(headings, rows) of the test cohort of one evaluation."""
    found = {(r["metric"], r["threshold"]): r for r in results if r["cohort"] == "test"}
    rows = []
    for key, heading in TESTED.items():
        row, prior = found[key], found.get((key[0].replace("detector", "prior"), key[1]))
        rows.append([heading, _told(row), _told(prior) if prior is not row else ""])
    one = next(iter(found.values()))
    sample = f"{one['bags']} held-out scans, {one['positives']} positive"
    return [sample, "detector", "position alone"], rows


def _told(row):
    counts = f", {row['k']}/{row['n']}" if row["k"] else ""
    return f"{float(row['value']):.3f} [{float(row['low']):.3f}, {float(row['high']):.3f}]{counts}"


def repeated(results):
    """(headings, rows) of a benchmark's repetitions: medians with [least, greatest], the machine left out."""
    names = list(results[0])
    measured = [name[:-4] for name in names if name.endswith("_low")]
    ends = [f"{name}_{end}" for name in measured for end in ("low", "high")]
    kept = [name for name in names[: names.index("repetitions")] if name not in (*measured, *ends)]
    kept += [name for name in dict.fromkeys((*measured, "peak_gib", "close_calls")) if name in names]
    kept = [name for name in kept if any(row[name] for row in results)]
    return [_heading(name) for name in kept], [[_ranged(row, name) for name in kept] for row in results]


def covered(results):
    """(headings, rows) of simulated cohorts: the coverage of each metric, a column a true AUC."""
    aucs = list(dict.fromkeys(r["auc"] for r in results))
    found = {(r["design"], r["metric"], r["auc"]): r for r in results}
    rows = [[f"{design} a patient", metric, *(_percent(found[design, metric, auc]["coverage"]) for auc in aucs)]
            for design, metric in dict.fromkeys((r["design"], r["metric"]) for r in results)]
    return ["bags", "interval of", *(f"true AUC {auc}" for auc in aucs)], rows


def sizes(results):
    """(headings, rows) of a grid's evaluation (sizes.csv): a row a number of bags, both readings of each metric."""
    found = {(r["bags"], r["metric"], r["reading"]): r for r in results if r["rule"] in RULES}
    rows = []
    for bags in dict.fromkeys(r["bags"] for r in results):
        models = next(r["models"] for r in results if r["bags"] == bags)
        rows.append([bags, models, *(_reading(found.get((bags, *column))) for column in READINGS)])
    return ["bags", "models", *(f"{metric.upper()}, {reading}" for metric, reading in READINGS)], rows


def _reading(row):
    if row is None or not row["value"]:
        return row["note"] if row else ""
    interval = f" [{float(row['low']):.3f}, {float(row['high']):.3f}]" if row["low"] else ""
    return f"{float(row['value']):.3f}{interval}"


def _percent(share):
    return f"{100 * float(share):.1f} %"


def _heading(name):
    return f"x {REFERENCES.get(name, name[3:].replace('_', ' '))}" if name.startswith("to_") else name.replace("_", " ")


def _ranged(row, name):
    return f"{row[name]} [{row[f'{name}_low']}, {row[f'{name}_high']}]" if row.get(f"{name}_low") else row[name]


def copied(results, headings):
    """(headings, rows) of the columns that a reader needs, given as {column: heading}."""
    return list(headings.values()), [[r[key] for key in headings] for r in results]


def markdown(headings, rows):
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
