"""The flow of a cohort: what was read, what was left out and why, what is positive and negative; as text and figure.

    python -m preprocessing cohort --data bags --out flow.png

Where the data set is split, the paper's Table 1 follows. It also writes cohort.csv beside the bags: a row a scan with
its label, patient, slices, and what the preprocessing found out about it (the brain's volume, flags).
"""

import argparse
import collections
import json
import re
import sys
import textwrap
from pathlib import Path

from preprocessing import units
from preprocessing.cohort import Volume
from preprocessing.errors import UsageError
from preprocessing.labels import read_table
from preprocessing.split import table as table_1
from tfrecords import Dataset, DatasetError, reader
from tfrecords.dataset import REJECTED, SPLITS
from tfrecords.writer import csv_text, label_text, write_text

TABLE = "cohort.csv"
COLUMNS = ("id", "patient", "label")
DETAIL = re.compile(r" \(line \d+\)$| with [\d.]+ cm3.*$")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
SLICES = re.compile(r"^(?P<count>\d+) of \d+ (?P<kind>slices without a label)(: .*)?$")  # of a data set of slices
NOTES = ("box", "boxes", "labels of slices")  # on rows of tables that were never to become a bag


def main(args=None):
    """Runs the command; returns its exit code."""
    args = parser().parse_args(args)
    try:
        dataset = Dataset(args.data)
        known = metas(dataset)
        steps = flow(dataset, known)
        table(dataset, known)
        print(text(steps))
        for line in splits(dataset):
            print(line)
        if args.out:
            draw(steps, args.out)
            print(f"figure: {args.out}")
    except (UsageError, DatasetError, OSError) as error:
        print(f"python -m preprocessing cohort: {error}", file=sys.stderr)
        return 2
    return 0


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing cohort", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--data", required=True, metavar="DIR", help="folder of bags")
    found.add_argument("--out", metavar="PNG", help="figure to write")
    return found


def metas(dataset):
    """{id: meta of the bag}."""
    return {row.id: reader.read_fields(dataset.folder, row).meta or {} for row in dataset.rows}


def flow(dataset, metas):
    """What became of all that was found.

    Args:
        dataset: an open `tfrecords.Dataset`.
        metas: {id: meta of the bag}.

    Returns:
        {"found": scans, series and rows of tables, "excluded": {reason: how many}, "bags", "positive", "negative",
        "patients": {"positive": ..., "negative": ...}, "flagged", "unit": what a bag is}.
    """
    excluded = collections.Counter()
    for _, reason in refused(dataset):
        slices = SLICES.match(reason)
        if category(reason) not in NOTES:
            excluded[category(reason)] += int(slices["count"]) if slices else 1
    labels = {row.id: int(max(row.label)) for row in dataset.rows}  # of several classes, any
    patients = {
        name: len({row.patient for row in dataset.rows if labels[row.id] == value})
        for name, value in (("positive", 1), ("negative", 0))
    }
    flagged = sum("flags" in meta for meta in metas.values())
    counts = collections.Counter(labels.values())
    return {
        "found": len(labels) + sum(excluded.values()), "excluded": dict(excluded.most_common()), "bags": len(labels),
        "positive": counts[1], "negative": counts[0], "patients": patients, "flagged": flagged,
        "unit": units.of(dataset),
    }


def category(reason):
    """A reason without what is particular to one scan."""
    reason = DETAIL.sub("", SLICES.sub(r"\g<kind>", reason))
    if reason.startswith("excluded: "):
        return reason
    if reason.startswith("not chosen"):
        return "another series of the study was chosen"
    return NUMBER.sub("N", reason.split(":")[0].split(", ")[0])


def text(steps):
    """The flow as lines."""
    lines = [f"{steps['found']:>6} found"]
    for reason, count in steps["excluded"].items():
        lines.append(f"{count:>6}   excluded: {reason.removeprefix('excluded: ')}")
    lines += [f"{steps['bags']:>6} {steps['unit']}s"]
    for name in ("positive", "negative"):
        lines.append(f"{steps[name]:>6}   {name}, of {steps['patients'][name]} patients")
    if steps["flagged"]:
        lines.append(f"{steps['flagged']:>6}   flagged, see cohort.csv")
    return "\n".join(lines)


def table(dataset, metas):
    """Writes cohort.csv."""
    write_text(Path(dataset.folder) / TABLE, csv_text(*facts(dataset, metas)))


def facts(dataset, metas):
    """([names of columns], [values of each bag]): what is known of the bags, as a table."""
    more = sorted({name for meta in metas.values() for name in meta})
    rows = [
        [row.id, row.patient, label_text(row.label), row.n, *(_cell(metas[row.id].get(name, "")) for name in more)]
        for row in dataset.rows
    ]
    return [*COLUMNS, units.INSTANCES.get(units.of(dataset), "slices"), *more], rows


def splits(dataset):
    """The lines of the paper's Table 1 where the data set is split, else none."""
    path, rows = Path(dataset.folder) / SPLITS, {row.id: row for row in dataset.rows}
    parts = collections.defaultdict(list)
    for _, given in read_table(path) if path.exists() else ():
        row = rows.get(given["id"])
        if row is None:
            raise UsageError(f"{path}: Expected splits of these bags. Received: id {given['id']!r}; split them again.")
        parts[int(given["fold"]), given["split"]].append(Volume(row.id, row.patient, max(row.label)))
    return table_1(parts, units.of(dataset)) if parts else []


def draw(steps, path):
    """Writes the flow as a diagram."""
    from matplotlib.figure import Figure

    reasons = [f"{count} {reason.removeprefix('excluded: ')}" for reason, count in steps["excluded"].items()]
    wrapped = [line for reason in reasons for line in textwrap.wrap(reason, 44, subsequent_indent="   ")]
    height = 3.2 + 0.2 * len(wrapped)
    figure = Figure(figsize=(8, height), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 8), ylim=(0, height))
    axes.axis("off")
    _box(axes, 2.2, height - 0.5, f"{steps['found']} found")
    middle = 1.0 + (height - 1.5) / 2
    if wrapped:
        left_out = sum(steps["excluded"].values())
        _box(axes, 4.1, middle + 0.35, "\n".join([f"{left_out} excluded", *wrapped]), "left")
        _arrow(axes, (2.2, middle + 0.35), (4.03, middle + 0.35))
    _box(axes, 2.2, 1.6, f"{steps['bags']} {steps['unit']}s")
    _arrow(axes, (2.2, height - 0.75), (2.2, 1.85))
    for x, name in ((1.1, "positive"), (3.3, "negative")):
        _box(axes, x, 0.5, f"{steps[name]} {name}\n{steps['patients'][name]} patients")
        _arrow(axes, (2.2, 1.35), (x, 0.85))
    figure.savefig(path)


def refused(dataset):
    """[(id, reason)] of what was left out."""
    return [(row["id"], row["reason"]) for _, row in read_table(Path(dataset.folder) / REJECTED)]


def _box(axes, x, y, words, align="center"):
    style = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "0.3"}
    axes.text(x, y, words, ha=align, va="center", multialignment=align, fontsize=10, bbox=style, zorder=2)


def _arrow(axes, start, end):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.3"}, zorder=1)


def _cell(value):
    return value if isinstance(value, (str, int, float)) else json.dumps(value)


if __name__ == "__main__":
    sys.exit(main())
