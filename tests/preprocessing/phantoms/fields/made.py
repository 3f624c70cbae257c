"""What the small cohorts of the tests are, and how their tables are read."""

import csv

N, SIZE, SCALE, SEED = 15, (96, 120), 0.4, 5


def read_table(path):
    """Rows of a CSV table as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
