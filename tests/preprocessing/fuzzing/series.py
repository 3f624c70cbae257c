"""A good DICOM series, changes of it, and what its tags say it shows."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROWS, COLUMNS, SLICES = 14, 18, 6
PIXEL, STEP = (2.0, 1.5), 5.0  # mm: row to row, column to column; slice to slice
CORNER = (-12.0, -17.0, 40.0)


def stored_values():
    """(n, h, w) values before rescaling: all axes and directions differ, and a block that is nowhere symmetrical."""
    k, row, column = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    values = 100 + 7 * column + 40 * row + 150 * k
    values[1:3, 2:6, 3:8] += 300
    return values


class Case(NamedTuple):
    """A series.

    Attributes:
        name: of the scan.
        change: [FileDataset] -> None, or the files in place of them.
        bytes: (index of the file, its bytes) -> its bytes.
        says: whether what the tags say after the change is right too; the good series always is.
        must: "right", "rejected" or "either".
        lost: indices of files that may be left out, where a row tells.
    """

    name: str
    change: Callable
    bytes: Callable | None = None
    says: bool = False
    must: str = "either"
    lost: tuple = ()


def series(uid="1.2.3", study="1.2"):
    """A good series: [FileDataset], the lowest slice first."""
    found = []
    for index, plane in enumerate(stored_values()):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = f"{uid}.{index + 1}"
        made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        tags = {
            "SOPClassUID": CTImageStorage, "SOPInstanceUID": f"{uid}.{index + 1}", "StudyInstanceUID": study,
            "SeriesInstanceUID": uid, "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "ImagePositionPatient": [CORNER[0], CORNER[1], CORNER[2] + STEP * index],
            "ImageOrientationPatient": [1.0, 0, 0, 0, 1.0, 0], "PixelSpacing": list(PIXEL), "SliceThickness": STEP,
            "SeriesNumber": 1, "InstanceNumber": index + 1, "PatientName": "Doe^Jane", "PatientID": "Jane-1",
            "PatientPosition": "HFS", "Rows": ROWS, "Columns": COLUMNS, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": -1024, "ConvolutionKernel": "H31s",
        }
        for name, value in tags.items():
            setattr(made, name, value)
        made.add_new(0x7FE00010, "OW", plane.astype("<i2").tobytes())
        found.append(made)
    return found


def truth(files):
    """(HU (n, h, w), RAS+ mm of every pixel (n, h, w, 3)) by the tags and the stored values."""
    return np.array([_values(one) for one in files]), np.array([_places(one) for one in files])


def _values(one):
    signed = "<i2" if one.PixelRepresentation else "<u2"
    stored = np.frombuffer(one.PixelData[: 2 * one.Rows * one.Columns], signed).reshape(one.Rows, one.Columns)
    bits = int(one.get("BitsStored") or 16)
    if 0 < bits < 16:  # the others are no part of the value (DICOM PS3.5, 8.1.1)
        stored = (stored.astype(int) << 16 - bits & 0xFFFF).astype(np.uint16).astype(signed) >> 16 - bits
    return stored * float(one.RescaleSlope) + float(one.RescaleIntercept)


def _places(one):
    row, column = np.mgrid[: one.Rows, : one.Columns]
    right, down = np.array(one.ImageOrientationPatient, float).reshape(2, 3)
    height, width = map(float, one.PixelSpacing)
    first = np.array(one.ImagePositionPatient, float)
    return (first + np.multiply.outer(column * width, right) + np.multiply.outer(row * height, down)) * [-1, -1, 1]


def as_bytes(one, **how):
    target, plain = io.BytesIO(), Dataset(one)  # a FileDataset keeps the byte order that it was made with
    plain.file_meta, plain.preamble = one.file_meta, one.preamble
    plain.save_as(target, **({"enforce_file_format": True} | how))
    return target.getvalue()


def every(**tags):
    """A change that gives all files these tags; a function is called with the file's index."""

    def change(files):
        for index, one in enumerate(files):
            for name, value in tags.items():
                setattr(one, name, value(index) if callable(value) else value)

    return change


def only(index, **tags):
    """A change of one file."""

    def change(files):
        for name, value in tags.items():
            setattr(files[index], name, value)

    return change


def without(name, indices=range(SLICES)):
    """A change that takes a tag out of files."""

    def change(files):
        for index in indices:
            delattr(files[index], name)

    return change


def at(*heights):
    """A change of the slices' places, given in mm above the lowest."""

    def change(files):
        for one, height in zip(files, heights):
            one.ImagePositionPatient = [*CORNER[:2], CORNER[2] + height]

    return change


def unchanged(files):
    """No change."""
