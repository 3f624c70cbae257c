import numpy as np
import pydicom
import pytest

from preprocessing.dicom.studies import find


def change(path, **tags):
    made = pydicom.dcmread(path)
    for name, value in tags.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    made.save_as(path)


def reasons(folder):
    return {each.reason for each in find(folder)[0]}


def test_a_good_series_has_no_reason(write_series):
    assert reasons(write_series("a")) == {""}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"ImagePositionPatient": None}, "1 of 6 files without a position for every frame"),
        ({"SOPInstanceUID": "1.2.3.2"}, "different slices have one SOPInstanceUID"),
        ({"ImagePositionPatient": [-15, -17, 45]}, "two slices lie at one place"),
        ({"ImagePositionPatient": [-15, -17, 900]}, "slices are missing: a gap of 835.0 mm, where 5.0 mm are usual"),
        ({"ImagePositionPatient": [-15, -12, 50]}, "its slices do not lie in one line"),
        ({"PixelSpacing": None}, "without pixel spacing"),
        ({"PixelSpacing": [2.0, 0.0]}, "without pixel spacing"),
        ({"PixelSpacing": [2.0, 2.1]}, "its slices have different pixel spacing"),
        ({"BitsAllocated": 8}, "its tags ask for 256 bytes of pixels, 512 are there"),
        ({"PixelData": None}, "its tags ask for 512 bytes of pixels, none are there"),
        ({"RescaleSlope": None}, "without the RescaleSlope and RescaleIntercept that make HU of its values"),
        ({"RescaleIntercept": None}, "without the RescaleSlope and RescaleIntercept that make HU of its values"),
        ({"RescaleSlope": 0}, "without the RescaleSlope and RescaleIntercept that make HU of its values"),
    ],
)
def test_one_file_that_contradicts_the_others_is_told(write_series, tags, reason):
    folder = write_series("a")
    change(folder / "02.dcm", **tags)
    assert reasons(folder) == {reason}


def test_slices_may_shift_as_a_gantry_tilts_but_not_sideways(write_series):
    assert reasons(write_series("a", up=(0, 0.3, 1))) == {""}
    assert reasons(write_series("b", up=(0.3, 0, 1), study="2", series="2.1")) == {
        "its slices drift 7.5 mm sideways, as no gantry tilts"
    }


def test_a_padded_length_is_right(write_series, tmp_path):
    """DICOM pads the pixels to an even number of bytes."""
    folder = write_series("a", pixels=np.zeros((3, 3, 3), int), BitsAllocated=8, BitsStored=8, HighBit=7)
    for path in folder.iterdir():
        change(path, PixelData=bytes(10))
    assert reasons(folder) == {""}
