import gzip

import nibabel as nib
import numpy as np
import pytest

from preprocessing.alignment import builtin, rigid, template
from preprocessing.alignment.apply import found_motion
from preprocessing.errors import UsageError


@pytest.fixture
def brain(tmp_path):
    """Path of the built-in head's brain, turned by its header."""
    volume, cavity, matrix = builtin.head()
    path = tmp_path / "brain.nii.gz"
    nib.save(nib.Nifti1Image(np.where(cavity, np.clip(volume, 1, 90), 0).transpose(2, 1, 0), matrix), path)
    return path


def test_without_a_file_it_is_the_built_in_head():
    found = template.load(None)
    assert not found.view.stripped
    np.testing.assert_array_equal(found.bridge, np.eye(4))


@pytest.mark.long
def test_a_brain_is_bridged_to_the_head_that_it_is_of(brain, phantom):
    found = template.load(str(brain))
    assert found.view.stripped
    np.testing.assert_allclose(found.bridge[:3, :3], np.eye(3), atol=0.02)
    np.testing.assert_allclose(found.bridge[:3, 3], 0, atol=1.5)
    _, slices, to_mm = phantom(2)
    direct, bridged = (found_motion(slices, to_mm, target) for target in (template.load(None), found))
    assert direct.match == bridged.match
    np.testing.assert_allclose(bridged.matrix, direct.matrix @ found.bridge)


def test_a_file_that_has_changed_is_another_template(tmp_path, phantom):
    path, centres = tmp_path / "head.nii", []
    for index in (0, 4):
        made, _, _ = phantom(index)
        nib.save(nib.Nifti1Image(made.volume, made.affine), path)
        centres.append(template.load(str(path), template.fingerprint(path)).view.centre)
    assert np.linalg.norm(centres[0] - centres[1]) > 1
    with pytest.raises(UsageError, match="Expected the one whose voxels have 0123. Received: .*head.nii"):
        template.load(str(path), "0123")


def test_where_the_head_lies_in_the_templates_file_does_not_matter(tmp_path):
    """80 mm of air behind the head."""
    volume, _, matrix = builtin.head()
    wide = np.pad(volume, ((0, 0), (40, 0), (0, 0)), constant_values=-1000)
    moved = matrix.copy()
    moved[1, 3] -= 80
    centres = []
    for name, data, affine in (("narrow", volume, matrix), ("wide", wide, moved)):
        nib.save(nib.Nifti1Image(data.transpose(2, 1, 0), affine), tmp_path / f"{name}.nii")
        centres.append(template.load(str(tmp_path / f"{name}.nii")).view.centre)
    np.testing.assert_allclose(*centres, atol=1)


@pytest.mark.long
def test_a_scan_without_its_skull_is_compared_with_brains(phantom):
    made, slices, to_mm = phantom(2)
    from preprocessing import orientation

    inside = np.array(orientation.reorient(made.brain, orientation.axes_of(made.affine))) > 0
    whole = found_motion(slices, to_mm, template.load(None))
    alone = found_motion(np.where(inside, np.clip(slices, 1, 90), 0), to_mm, template.load(None))
    assert not alone.problem
    turned = np.degrees(np.arccos((np.trace(whole.matrix[:3, :3].T @ alone.matrix[:3, :3]) - 1) / 2))
    assert turned < 10


def test_what_is_no_head_is_refused_as_a_template(tmp_path, brain, monkeypatch):
    path = tmp_path / "air.nii"
    nib.save(nib.Nifti1Image(np.full((20, 20, 20), -1000, np.int16), np.diag([4, 4, 4, 1])), path)
    with pytest.raises(UsageError, match="--template: Expected a head CT. Received: .*is it a head CT in HU"):
        template.load(str(path))
    nib.save(nib.Nifti1Image(np.zeros((20, 20, 20), np.int16), np.diag([4, 4, 4, 1])), path)
    with pytest.raises(UsageError, match="nothing in it is a head"):
        template.load(str(path))
    monkeypatch.setattr(rigid, "LEAST_MATCH", 1.1)
    with pytest.raises(UsageError, match="it is unlike the built-in head's brain: a correlation of"):
        template.load(str(brain))


def test_a_job_stops_where_its_template_is_none(tmp_path, capsys, save):
    from preprocessing.ct_job import main

    scan = save("scans/a.nii")
    (tmp_path / "labels.csv").write_text("id,label\na,1\n")
    (tmp_path / "bad.nii").write_bytes(b"nothing")
    given = ["--scans", str(scan.parent), "--labels", str(tmp_path / "labels.csv"), "--out", str(tmp_path / "out"), "--brain", "none"]
    assert main([*given, "--align", "rigid", "--template", str(tmp_path / "bad.nii"), "--jobs", "1"]) == 2
    assert "--template: Expected a head CT" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*given, "--template", str(tmp_path / "bad.nii")]) == 2
    assert "--template: Expected --align rigid" in capsys.readouterr().err


def test_a_copy_is_the_same_template_and_names_nobody(tmp_path, phantom):
    made, _, _ = phantom(0)
    image = nib.Nifti1Image(made.volume, made.affine)
    image.header["descrip"], image.header["db_name"] = b"DOE^JANE", b"DOE^JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE"))
    given, copy = tmp_path / "given.nii", tmp_path / "copy.nii.gz"
    nib.save(image, given)
    copy.write_bytes(template.copied(str(given)))
    assert template.fingerprint(str(copy)) == template.fingerprint(str(given))
    assert b"DOE" in given.read_bytes() and b"DOE" not in gzip.decompress(copy.read_bytes())
    assert template.copied(str(copy)) == copy.read_bytes()
