"""A small cohort of slides on disk, made once for all tests of the slide phantoms."""

import csv

import pytest

from preprocessing.phantoms.slides.cohort import make_cohort

N, SIZE, MPP, SEED = 12, 256, 4.0, 5


def read_table(path):
    """Rows of a CSV table as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def slides(tmp_path_factory):
    """Folder of 12 slides of 256 x 256 pixels of 4 um."""
    out = tmp_path_factory.mktemp("slides")
    make_cohort(out, N, SIZE, MPP, SEED, jobs=1)
    return out


@pytest.fixture(scope="session")
def slide_rows(slides):
    """Rows of its labels.csv."""
    return read_table(slides / "labels.csv")
