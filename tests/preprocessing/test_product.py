import itertools

import nibabel as nib
import numpy as np
import pytest

from preprocessing.ct import CtSettings, prepare
from preprocessing.inputs import Scan
from preprocessing.product import LONGEST, Outputs, clear, file_name, make, picture

IDS = ["a_b", "a/b", "a b", "a:b", "a_b~", "ä/b", "A.b-1", "x" * 300, "x" * 299 + "y", "é" * 150, "..", "/"]


def test_every_id_has_a_name_of_its_own_that_every_file_system_takes():
    for one, other in itertools.combinations(IDS, 2):
        assert file_name(one) != file_name(other)
    for name in map(file_name, IDS):
        assert not set(name) & set('/\\:*?"<>| ') and len(name.encode()) <= LONGEST + 9
    assert file_name("A.b-1") == "A.b-1" and file_name("a/b").startswith("a_b~")


@pytest.mark.parametrize("outputs, names", [(Outputs(), {picture("a/1")}), (Outputs(thumbnails=False), set())])
def test_a_picture_is_made_unless_it_is_not_wanted(save, outputs, names):
    scan = Scan("a/1", str(save("a.nii.gz")), 1, "a", {}, None, None, False)
    assert set(make(scan, CtSettings(size=8), outputs).files) == names


def test_an_earlier_jobs_files_are_removed_and_no_one_elses(save, tmp_path):
    from preprocessing.brain.saved import as_nifti

    (tmp_path / "qc").mkdir()
    prepared = prepare(save("a.nii.gz"), CtSettings(size=8), id="a")
    drawn = np.ones((10, 12, 6), bool)
    person = save("masks/person.nii.gz", drawn.astype(np.uint8))
    for name, data in (
        ("masks/own.nii.gz", as_nifti(prepared._replace(inside=drawn.transpose(2, 1, 0)))),
        ("masks/broken.nii.gz", b"broken"),
        ("masks/own.nii.gz.tmp", b""),
        ("qc/a.jpg", b""),
        ("qc/a.jpg.tmp", b""),
        ("qc.html", b""),
        ("splits.csv", b""),
    ):
        (tmp_path / name).write_bytes(data)
    assert nib.load(tmp_path / "masks/own.nii.gz").shape == nib.load(person).shape
    clear(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"a.nii.gz", "masks/person.nii.gz", "masks/broken.nii.gz", "splits.csv"}
    clear(tmp_path / "nowhere")
