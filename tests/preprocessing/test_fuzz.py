"""Damaged, odd and lying inputs end as a row of rejected.csv or as a right bag: never in a crash, a hang, or a wrong
orientation.

What is right is found without the code under test, see `fuzzing.oracle`. The inputs are the same at every run.
"""

import contextlib
import dataclasses
import logging
import signal
import tracemalloc
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
import pytest

from preprocessing import sources
from preprocessing.__main__ import main
from preprocessing.errors import ScanError
from tests.preprocessing.fuzzing import archives, dicom, nifti, oracle, series, tables
from tfrecords.verify import findings

pytestmark = pytest.mark.slow

NIFTI, DICOM, TABLES = nifti.cases(), dicom.cases(), list(tables.cases())
ODD = [*archives.gzip_cases(), *archives.odd_cases(), *archives.zip_cases()]
ZIPS = {case.name for case in archives.zip_cases()}
SECONDS = 240  # for a job of some hundred scans, of which each takes a tenth of a second
SPARING = 150 << 20  # bytes; an archive of more zeros than that is read


class Ended(NamedTuple):
    """What became of a job: its folder, {id: Bag}, the rows of rejected.csv, and {name: what its bag may show}."""

    folder: Path
    bags: dict
    rows: list
    allowed: dict

    def of(self, name):
        """(bag or None, rows) of a case."""
        mine = [row for row in self.rows if row["id"] == name or name in row["path"].split("/")]
        mine += [row for row in self.rows if row not in mine and row["path"].endswith(f"/{name}.zip")]
        return self.bags.get(name), mine


@contextlib.contextmanager
def no_longer_than(seconds):
    """A hang ends as a TimeoutError; within a scan as its reason, which no test lets pass."""

    def end(*args):
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def job(folder, cases, write):
    """Writes cases into folders of a job, and runs it."""
    (folder / "scans").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        allowed = {case.name: write(case, folder / "scans", number) for number, case in enumerate(cases)}
    (folder / "labels.csv").write_text("".join(["id,label\n", *(f"{case.name},1\n" for case in cases)]))
    given = ["--scans", folder / "scans", "--labels", folder / "labels.csv", "--out", folder / "out"]
    with no_longer_than(SECONDS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main([str(part) for part in ("ct", *given, "--brain", "none", "--size", 32, "--jobs", 1)]) == 0
    return Ended(folder / "out", *oracle.outcomes(folder / "out"), allowed)


@pytest.fixture(scope="module", autouse=True)
def lenient():
    """pydicom writes what it is told to, and nibabel and pydicom say nothing of what they meet."""
    before = pydicom.config.settings.reading_validation_mode, pydicom.config.settings.writing_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.settings.writing_validation_mode = 0
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    pydicom.config.settings.reading_validation_mode, pydicom.config.settings.writing_validation_mode = before


@pytest.fixture(scope="module")
def nifti_job(tmp_path_factory):
    def write(case, folder, number):
        path = folder / f"{case.name}{case.suffix}"
        path.write_bytes(case.content)
        return path

    return job(tmp_path_factory.mktemp("nifti"), NIFTI, write)


@pytest.fixture(scope="module")
def dicom_job(tmp_path_factory):
    def write(case, folder, number):
        (folder / case.name).mkdir()
        return dicom.written(case, folder / case.name, number)

    return job(tmp_path_factory.mktemp("dicom"), DICOM, write)


@pytest.fixture(scope="module")
def odd_job(tmp_path_factory):
    def write(case, folder, number):
        if case.name in ZIPS:
            return case.write(folder, number)
        (folder / case.name).mkdir()
        return case.write(folder / case.name)

    return job(tmp_path_factory.mktemp("odd"), ODD, write)


def judged(ended, case, is_right):
    """Fails unless a case ended as it must."""
    bag, rows = ended.of(case.name)
    for row in rows:
        oracle.check_reason(row["reason"])
    if bag is None:
        assert rows and case.must != "right", rows
    else:
        assert case.must != "rejected", "made a bag"
        is_right(bag)


def named(case):
    return case.name


@pytest.mark.parametrize("case", NIFTI, ids=named)
def test_a_nifti_file_is_right_or_rejected(nifti_job, case):
    path = nifti_job.allowed[case.name]
    judged(nifti_job, case, lambda bag: oracle.check_volume(bag, *(case.truth or nifti.truth_of(path))))


@pytest.mark.parametrize("case", DICOM, ids=named)
def test_a_dicom_series_is_right_or_rejected(dicom_job, case):
    def is_right(bag):
        check = oracle.check_ramp if dicom.is_ramp(case) else oracle.check_slices
        failed = []
        for hu, world, must_be_told in dicom_job.allowed[case.name]:
            try:
                check(bag, hu, world)
            except AssertionError as error:
                failed.append(error)
            else:
                assert not must_be_told or dicom_job.of(case.name)[1]
                return
        raise failed[0]

    judged(dicom_job, case, is_right)


@pytest.mark.parametrize("case", ODD, ids=named)
def test_an_odd_file_or_archive_is_right_or_rejected(odd_job, case):
    def is_right(bag):
        if case.name in ZIPS:
            oracle.check_slices(bag, *series.truth(series.series()))
        else:
            oracle.check_volume(bag, nifti.hu(), nifti.straight())

    judged(odd_job, case, is_right)


@pytest.mark.parametrize("case", TABLES, ids=named)
def test_a_label_table_is_read_right_or_refused_in_one_line(tmp_path, capsys, case):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/a.nii").write_bytes(nifti.encoded())
    (tmp_path / "labels.csv").write_bytes(case.content)
    given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
    ended = main([str(part) for part in ("ct", *given, "--brain", "none", "--size", 16, "--jobs", 1, "--no-qc")])
    said = capsys.readouterr().err.splitlines()
    if ended == 0:
        bags, rows = oracle.outcomes(tmp_path / "out")
        assert case.label in ("either", bags["a"].label[0])
        for row in rows:
            oracle.check_reason(row["reason"])
    else:
        assert case.label in (None, "either") and ended in (1, 2)
        assert ended == 1 or len(said) == 1 and len(said[0]) < 1000


def test_there_are_enough_and_both_ends_are_met(nifti_job, dicom_job, odd_job):
    for ended, cases in ((nifti_job, NIFTI), (dicom_job, DICOM), (odd_job, ODD)):
        names = {case.name for case in cases}
        assert len(names) == len(cases) >= 100
        assert set(ended.bags) <= names and 10 <= len(ended.bags) <= len(cases) - 60


@pytest.mark.parametrize("name", ["bomb-behind.nii.gz", "bomb-of-voxels.nii.gz"])
def test_a_small_file_of_endless_zeros_does_not_fill_the_memory(tmp_path, name):
    (case,) = [case for case in ODD if f"{case.name}.nii.gz" == name]
    case.write(tmp_path)
    with _sparingly(), pytest.raises(ScanError):
        sources.read(str(tmp_path / name))


@pytest.mark.parametrize("name", ["zip-bomb-of-zeros", "zip-bomb-behind-pixels", "zip-bomb-in-a-tag"])
def test_a_small_archive_of_endless_zeros_fills_neither_memory_nor_disk(tmp_path, name):
    from preprocessing.dicom import convert, studies

    (case,) = [case for case in ODD if case.name == name]
    case.write(tmp_path, 0)
    with _sparingly():
        for each in studies.find(tmp_path)[0]:
            with pytest.raises(ScanError, match="holds more than"):
                convert.read(each)


@contextlib.contextmanager
def _sparingly():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < SPARING
    finally:
        tracemalloc.stop()


FALSE = {
    "mirrored": lambda bag: {"instances": bag.instances[:, :, ::-1]},
    "upside down": lambda bag: {"instances": bag.instances[:, ::-1]},
    "slices swapped": lambda bag: {"instances": np.roll(bag.instances, 1, axis=0)},
    "order lost": lambda bag: {"source_index": np.arange(bag.n)},
    "one pixel aside": lambda bag: {"instances": np.roll(bag.instances, 1, axis=2)},
    "other values": lambda bag: {"instances": bag.instances + np.float16(8)},
    "other affine": lambda bag: {"affine": np.diag([-1, 1, 1, 1]) @ np.reshape(bag.affine, (4, 4))},
    "other place": lambda bag: {"affine": np.reshape(bag.affine, (4, 4)) + np.outer([0, 1, 0, 0], [0, 0, 0, 3.0])},
    "other distance": lambda bag: {"affine": np.reshape(bag.affine, (4, 4)) @ np.diag([1, 1, 1.2, 1])},
}


@pytest.mark.parametrize("change", FALSE.values(), ids=FALSE)
def test_the_oracle_sees_what_is_wrong(nifti_job, dicom_job, change):
    tilted = next(case for case in DICOM if case.name == "tilted-12")
    for check, bag, truth in (
        (oracle.check_volume, nifti_job.bags["axes-RAS-10"], next(c.truth for c in NIFTI if c.name == "axes-RAS-10")),
        (oracle.check_slices, dicom_job.bags["good"], dicom_job.allowed["good"][0][:2]),
        (oracle.check_ramp, dicom_job.bags[tilted.name], dicom_job.allowed[tilted.name][0][:2]),
    ):
        check(bag, *truth)
        with pytest.raises(AssertionError):
            check(dataclasses.replace(bag, **change(bag)), *truth)


def test_the_data_sets_are_whole(nifti_job, dicom_job, odd_job):
    for ended in (nifti_job, dicom_job, odd_job):
        assert list(findings(ended.folder)) == []
