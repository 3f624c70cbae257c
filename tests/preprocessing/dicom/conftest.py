"""Small DICOM series, as scanners and data sets write them."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

AXIAL, CORONAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)


def write_slice(path, pixels, position, orientation=AXIAL, spacing=(2.0, 2.0), **tags):
    """One CT slice in HU; tags of None are left out."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = tags["SOPInstanceUID"]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    stored = {
        "SOPClassUID": CTImageStorage, "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImagePositionPatient": list(map(float, position)), "ImageOrientationPatient": list(map(float, orientation)),
        "PixelSpacing": list(spacing), "SliceThickness": 5.0, "SeriesNumber": 1, "PatientName": "Doe^Jane",
        "PatientID": "Jane-1", "PatientPosition": "HFS", "Rows": pixels.shape[0], "Columns": pixels.shape[1],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16,
        "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": -1024, **tags,
    }
    for name, value in stored.items():
        if value is not None:
            setattr(made, name, value)
    made.PixelData = (pixels + 1024).astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


def ramp(count, size=16):
    """(count, size, size) HU that tell every axis and direction apart: +10 a column, +100 a row, +1 a slice."""
    z, y, x = np.mgrid[:count, :size, :size]
    return -1000 + 10 * x + 100 * y + z


@pytest.fixture
def write_series(tmp_path):
    """write_series(folder, count=6, ...) -> folder below tmp_path, a file a slice, the lowest first."""

    def write(folder, count=6, step=5.0, study="1.2", series="1.2.3", name="{:02}.dcm", pixels=None, up=(0, 0, 1), **tags):
        pixels = ramp(count) if pixels is None else pixels
        steps = step if np.ndim(step) else [step] * count
        along = np.concatenate([[0], np.cumsum(steps)])[:count]
        for index, (plane, at) in enumerate(zip(pixels, along)):
            write_slice(
                tmp_path / folder / name.format(index), plane, np.array([-15, -17, 40]) + at * np.array(up),
                StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=f"{series}.{index + 1}",
                InstanceNumber=index + 1, **tags,
            )
        return tmp_path / folder

    return write


@pytest.fixture
def read_tags():
    """The whole data set of a DICOM file."""
    return pydicom.dcmread
