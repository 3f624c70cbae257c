"""The whole job on heads, aligned and extracted, as a user runs it."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from preprocessing.__main__ import main
from preprocessing.alignment.template import fingerprint
from tfrecords import Dataset, reader
from tfrecords.verify import findings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two heads, their labels and a template."""
    from preprocessing.phantoms import generate

    place = tmp_path_factory.mktemp("job")
    (place / "scans").mkdir()
    for name, index, positive in (("template", 0, False), ("scans/a", 3, True), ("scans/b", 4, False)):
        made = generate(17, index, 96, positive)
        nib.save(nib.Nifti1Image(made.volume, made.affine), place / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(made.brain, made.affine), place / f"{name.replace('/', '-')}-brain.nii.gz")
    (place / "labels.csv").write_text("id,label\na,1\nb,0\n")
    return place


def run(folder, out, *more, template="template.nii.gz"):
    given = ["--scans", folder / "scans", "--labels", folder / "labels.csv", "--out", folder / out, "--size", 80]
    return main([str(part) for part in ("ct", *given, "--align", "rigid", "--template", folder / template, *more)])


@pytest.mark.long
def test_heads_are_aligned_extracted_and_shown(folder, capsys):
    assert run(folder, "out", "--save-masks", "--jobs", 2) == 0
    dataset = Dataset(folder / "out")
    assert list(findings(dataset.folder)) == []
    for row in dataset.rows:
        bag = reader.read_bag(dataset.folder, row)
        assert bag.meta["align"] == "rigid" and bag.meta["brain"] == "native" and 300 < bag.meta["brain_cm3"] < 2200
        saved = nib.load(folder / "out" / "masks" / f"{row.id}.nii.gz")
        truth = nib.load(folder / f"scans-{row.id}-brain.nii.gz")
        np.testing.assert_allclose(saved.affine, truth.affine, atol=1e-4)
        one, other = np.asarray(saved.dataobj) > 0, np.asarray(truth.dataobj) > 0
        assert 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)) > 0.93
    assert fingerprint(str(folder / "out/template.nii.gz")) == fingerprint(str(folder / "template.nii.gz"))
    assert json.loads((folder / "out/dataset.json").read_text())["preprocessing"]["settings"]["template"] == "template.nii.gz"
    assert sorted(path.stem for path in (folder / "out/qc").iterdir()) == ["a", "b"]
    # The same template under another name is the same job; with one worker it has the same bytes.
    shutil.copy(folder / "template.nii.gz", folder / "copy.nii.gz")
    capsys.readouterr()
    assert run(folder, "out", "--save-masks", template="copy.nii.gz") == 0
    assert "already finished" in capsys.readouterr().out
    assert run(folder, "alone", "--save-masks", "--jobs", 1, template="copy.nii.gz") == 0
    for path in (folder / "out").rglob("*.*"):
        assert path.read_bytes() == (folder / "alone" / path.relative_to(folder / "out")).read_bytes(), path
    assert run(folder, "out", "--save-masks", "--force", "--jobs", 1, "--brain", "none") == 0
    assert not list((folder / "out/masks").iterdir())


@pytest.mark.parametrize("flags", [("--unit", "slice"), ("--boxes", "boxes.csv")])
def test_slices_of_the_file_cannot_be_aligned(folder, flags, capsys):
    assert run(folder, "never", *flags) == 2
    assert "Expected --align axes; aligned slices are not the scan's own" in capsys.readouterr().err
