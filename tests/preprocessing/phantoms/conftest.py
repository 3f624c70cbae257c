"""A small cohort on disk and a drawn pair, made once for all tests of the phantoms."""

import csv

import pytest

from preprocessing.phantoms.cohort import make_cohort

N, SIZE, SEED = 24, 64, 5


def read_table(path):
    """Rows of a CSV table as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Folder of 24 phantoms of 64 x 64 pixels with brain masks."""
    out = tmp_path_factory.mktemp("phantoms")
    make_cohort(out, N, SIZE, SEED, jobs=1, brain_masks=True)
    return out


@pytest.fixture(scope="session")
def table(cohort):
    """Rows of its labels.csv."""
    return read_table(cohort / "labels.csv")


@pytest.fixture(scope="session")
def slice_table(cohort):
    """Rows of its slices.csv."""
    return read_table(cohort / "slices.csv")
