"""Writes the tables of README.md and docs/*.md from the committed results in docs/results/.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; NAME is a CSV of docs/results whose rows are single
runs (one a seed). Each row of the table is the mean over seeds with its 95 % interval (Student's t).

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
}
COPIED = {
    "part": "part", "bags": "bags", "slices": "slices a bag", "window_seconds": "window, s",
    "prediction_seconds": "prediction of one bag, s", "peak_gib": "peak memory, GiB",
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
    with open(ROOT / "docs" / "results" / f"{name}.csv", newline="", encoding="utf-8") as file:
        results = list(csv.DictReader(file))
    return markdown(*(by_seed(results) if "seed" in results[0] else copied(results)))


def by_seed(results):
    """(headings, rows): one row a name, mean over its seeds."""
    from benchmarks.common import interval

    measured = [key for key in MEASURED if key in results[0]]
    rows = []
    for name in dict.fromkeys(r["row"] for r in results):
        mine = [r for r in results if r["row"] == name]
        rows.append([name, str(len(mine)), *(interval([float(r[key]) for r in mine]) for key in measured)])
    return ["", "seeds", *(MEASURED[key] for key in measured)], rows


def copied(results):
    """(headings, rows) of the columns that a reader needs."""
    kept = [key for key in COPIED if key in results[0]]
    return [COPIED[key] for key in kept], [[r[key] for key in kept] for r in results]


def markdown(headings, rows):
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
