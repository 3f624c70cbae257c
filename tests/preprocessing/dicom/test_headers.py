import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from preprocessing.dicom import headers
from preprocessing.dicom.studies import _slices
from tests.preprocessing.fuzzing.dicom_frames import group

from .conftest import AXIAL


@pytest.fixture
def enhanced():
    """A file of three frames, whose orientation and pixels are told once for all."""
    made = Dataset()
    made.SOPInstanceUID, made.Rows, made.Columns = "1.5", 4, 4
    made.SharedFunctionalGroupsSequence = [
        group(
            PlaneOrientationSequence={"ImageOrientationPatient": list(AXIAL)},
            PixelMeasuresSequence={"PixelSpacing": [0.7, 0.4]},
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [
        group(PlanePositionSequence={"ImagePositionPatient": [1.0, 2.0, 5.0 * k]}) for k in range(3)
    ]
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, made, implicit_vr=True, little_endian=True)
    stream.seek(0)
    return stream


def test_a_file_of_several_frames_is_read_from_its_sequences(enhanced):
    tags = headers.read(enhanced)
    assert tags.positions == ((1, 2, 0), (1, 2, 5), (1, 2, 10))
    assert tags.orientation == AXIAL and tags.pixel == (0.7, 0.4)
    assert [(each.name, each.position[2]) for each in _slices(tags)] == [("1.5/1", 0), ("1.5/2", 5), ("1.5/3", 10)]


def test_a_file_of_one_slice_is_read_from_its_own_tags(write_series):
    with open(write_series("a", spacing=(0.7, 0.4)) / "02.dcm", "rb") as stream:
        tags = headers.read(stream)
    assert tags.pixel == (0.7, 0.4) and tags.orientation == AXIAL and tags.positions == ((-15, -17, 50),)
    assert [each.name for each in _slices(tags)] == ["1.2.3.3"]
