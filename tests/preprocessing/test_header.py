import nibabel as nib
import numpy as np
import pytest

from preprocessing.errors import ScanError
from preprocessing.header import implausible, problem
from preprocessing.volume import read_volume

LEFT = np.diag([-0.5, 0.5, 5, 1])


def header(affine=LEFT, codes=(1, 1), **fields):
    made = nib.Nifti1Header()
    made.set_data_shape((4, 5, 6))
    made.set_qform(affine if codes[1] else None, codes[1])
    made.set_sform(affine, codes[0])
    for name, value in fields.items():
        made.structarr[name][...] = value
    return made


@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_what_agrees_with_itself_is_trusted(codes):
    assert problem(header(codes=codes)) == ""


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"pixdim": [-1.5, 1, 1, 1, 0, 0, 0, 0]}, "pixdim[0] is -1.5, expected 1 or -1"),
        ({"pixdim": [1, 1, 0, 1, 0, 0, 0, 0]}, "pixdim has voxel sides 1, 0, 1"),
        ({"pixdim": [1, 1, 1, -2, 0, 0, 0, 0]}, "pixdim has voxel sides 1, 1, -2"),
        ({"scl_slope": 0, "scl_inter": -1024}, "scl_slope 0 with scl_inter -1024: its values cannot be scaled to HU"),
        ({"scl_slope": np.inf, "scl_inter": 0}, "scl_slope inf with scl_inter 0"),
    ],
)
def test_what_nibabel_would_mend_or_ignore_is_told(fields, reason):
    assert reason in problem(header(codes=(0, 1), **fields))


def test_sides_do_not_matter_where_the_sform_tells_them():
    assert problem(header(codes=(1, 0), pixdim=[0.0] * 8)) == ""


def test_two_orientations_that_contradict_each_other_are_told():
    made = header()
    made.set_sform(np.diag([0.5, 0.5, 5, 1]), 1)
    assert problem(made) == "no axial direction: sform says RAS, qform LAS"


@pytest.mark.parametrize(
    ("affine", "reason"),
    [
        (np.diag([0.5, 0.5, 500, 1]), "its voxels measure 0.5 x 0.5 x 500 mm, expected 0.01 to 100"),
        (np.array([[1, 0, 0, 2e5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "its first voxel is 2e+05 mm from"),
        (LEFT, ""),
        (np.full((4, 4), np.nan), ""),
    ],
)
def test_no_scan_has_such_voxels(affine, reason):
    assert implausible(affine).startswith(reason) and bool(implausible(affine)) == bool(reason)


@pytest.mark.parametrize(("unit", "scale"), [(1, 1000), (2, 1), (3, 0.001), (0, 1)])
def test_units_become_mm(tmp_path, unit, scale):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([1 / scale, 1 / scale, 3 / scale, 1]))
    image.header["xyzt_units"] = unit
    image.to_filename(tmp_path / "a.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii")[1], np.diag([1, 1, 3, 1]), atol=1e-5)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_shape_that_is_too_small_for_its_file_is_told(tmp_path, suffix):
    """Rows of another length would make another image."""
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), LEFT)
    content = bytearray(image.to_bytes())
    content[42:44] = (3).to_bytes(2, "little")
    with nib.openers.Opener(tmp_path / f"a{suffix}", "wb") as file:
        file.write(bytes(content))
    with pytest.raises(ScanError, match=r"the file holds more than the voxels of \(3, 5, 6\)"):
        read_volume(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("shape", [(1, 1, 5000), (4000, 4000, 120)])
def test_what_no_memory_would_hold_is_told_by_its_shape(tmp_path, shape):
    image = nib.Nifti1Image(np.zeros((1, 1, 1), np.int16), LEFT)
    content = bytearray(image.to_bytes())
    content[42:48] = np.array(shape, "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(bytes(content))
    with pytest.raises(ScanError, match="larger than any CT"):
        read_volume(tmp_path / "a.nii")
