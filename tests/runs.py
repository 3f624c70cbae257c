"""What tests of whole runs share."""

import csv
import shutil


def rows(path):
    """The rows of a CSV, a dict each."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def elsewhere(run, folder):
    """A copy of a run that knows no patient, so that any cohort may be predicted."""
    copy = shutil.copytree(run, folder)
    (copy / "bags.csv").write_text("id,patient,label\n")
    table = copy / "predictions-validation.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    return copy
