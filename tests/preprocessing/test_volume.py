import gzip

import nibabel as nib
import numpy as np
import pytest

from preprocessing.errors import ScanError
from preprocessing.volume import axcodes_affine, check_hu, read_header, read_volume


def refused(path, message, **options):
    with pytest.raises(ScanError, match=message) as caught:
        read_volume(path, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("image", [nib.Nifti1Image, nib.Nifti2Image])
def test_voxels_and_affine_come_as_stored(save, name, image):
    path = save(name, image=image)
    data, affine = read_volume(path)
    np.testing.assert_array_equal(data, nib.load(path).get_fdata())
    np.testing.assert_allclose(affine, np.diag([0.5, 0.5, 5, 1]))
    assert data.dtype == np.float32
    assert read_header(path)[0] == (10, 12, 6)


def test_slope_and_intercept_are_applied(tmp_path, save):
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.eye(4))
    image.header.set_slope_inter(2, -1024)
    image.to_filename(tmp_path / "s.nii")
    raw = bytearray((tmp_path / "s.nii").read_bytes())
    raw[352:] = np.arange(
        60, dtype="<i2"
    ).tobytes()  # nibabel stores unscaled data; a scanner's file has raw values
    raw[112:120] = np.float32([2, -1024]).tobytes()
    (tmp_path / "s.nii").write_bytes(bytes(raw))
    np.testing.assert_array_equal(
        read_volume(tmp_path / "s.nii")[0].ravel(order="F"), np.arange(60) * 2.0 - 1024
    )


def test_a_trailing_axis_of_one_is_dropped(save):
    assert read_volume(save("a.nii", np.ones((4, 5, 6, 1), np.int16)))[0].shape == (4, 5, 6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((4, 5, 6, 2), np.int16), r"expected a 3-D volume, is 4-D \(4, 5, 6, 2\); split it"),
        (np.ones((4, 5), np.int16), r"expected a 3-D volume, is 2-D \(4, 5\)"),
        (np.ones((4, 5, 0), np.int16), r"zero slices: the volume is empty \(4, 5, 0\)"),
        (np.ones((4, 5, 6), np.complex64), "expected one real number a voxel, is complex64"),
        (
            np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]),
            "expected one real number a voxel, is colour",
        ),
    ],
)
def test_what_is_no_volume_is_refused(save, data, message):
    refused(save("a.nii.gz", data), message)


def test_damaged_files_are_refused(save, tmp_path):
    whole = save("a.nii.gz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    plain = save("b.nii").read_bytes()
    damaged = {
        "cut.nii.gz": whole[: len(whole) // 2],
        "cut-at-the-checksum.nii.gz": whole[:-6],
        "flipped.nii.gz": bytes(flipped),
        "not-gzip.nii.gz": plain,
        "header-only.nii.gz": gzip.compress(plain[:352]),
        "empty.nii.gz": b"",
        "empty.nii": b"",
        "cut.nii": plain[:-1],
        "gzip.nii": whole,
        "text.nii": b"not a scan" * 100,
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, "unreadable or truncated: .+")
    refused(tmp_path / "gone.nii", "unreadable or truncated: .*No such file")


def test_a_wrong_gzip_checksum_is_noticed_though_all_voxels_could_be_read(save):
    path = save("a.nii.gz")
    data = bytearray(path.read_bytes())
    data[-8] ^= 1  # the CRC32 in the trailer
    path.write_bytes(bytes(data))
    refused(path, "unreadable or truncated: CRC check failed")


def test_no_header_byte_gives_another_error(save):
    path = save("a.nii")
    whole = path.read_bytes()
    for position in range(348):
        for value in (0x00, 0x7F, 0xFF):
            data = bytearray(whole)
            data[position] = value
            path.write_bytes(bytes(data))
            try:
                read_volume(path)
            except ScanError as error:
                assert "\n" not in str(error)


def test_a_header_that_asks_for_too_much_is_refused_before_it_is_given(save):
    path = save("a.nii.gz")
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[40:48] = np.int16([3, 4000, 4000, 30]).tobytes()  # dim
    path.write_bytes(gzip.compress(bytes(data)))
    refused(path, r"\(4000, 4000, 30\) needs 960000000 bytes, the file holds at most")


def test_orientation_codes_of_zero_need_to_be_told(save):
    path = save("a.nii", codes=(0, 0))
    refused(path, "no axial direction: sform and qform codes are 0; say what the axes are with --orientation")
    _, affine = read_volume(path, axcodes="LPS")
    assert nib.aff2axcodes(affine) == ("L", "P", "S")


def test_told_orientation_does_not_override_the_header(save):
    assert nib.aff2axcodes(read_volume(save("a.nii"), axcodes="LPS")[1]) == ("R", "A", "S")


def test_told_affine_has_the_centre_at_zero():
    affine = axcodes_affine("PSR", (1, 2, 3), (5, 6, 7))
    np.testing.assert_allclose(affine @ [2, 2.5, 3, 1], [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(affine[:3, :3], [[0, 0, 3], [-1, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "1 voxels are NaN or infinite"),
        (-np.inf, "1 voxels are NaN or infinite"),
        (32768, r"values 0 to 32768 are no HU \(-32768 to 32767\)"),
        (-32769, "values -32769 to 0 are no HU"),
    ],
)
def test_values_that_cannot_be_stored_are_refused(value, message):
    data = np.zeros((3, 4, 5), np.float32)
    data[1, 2, 3] = value
    with pytest.raises(ScanError, match=message):
        check_hu(data)


def test_the_largest_hu_are_kept():
    check_hu(np.float32([[[32767, -32768]]]))
