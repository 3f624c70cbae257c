"""Files of several frames, and slices of a tilted gantry."""

import copy
import functools

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from .series import COLUMNS, PIXEL, ROWS, SLICES, STEP, Case, every


def enhanced():
    """Files of several frames."""
    yield Case("enhanced", lambda files: [multiframe(files)], must="right")
    yield Case("enhanced-reversed", lambda files: [multiframe(files[::-1])], must="right")
    yield Case("enhanced-shuffled", lambda files: [multiframe([files[k] for k in (3, 0, 5, 1, 4, 2)])])
    yield Case("enhanced-frames-fewer", lambda files: [multiframe(files, NumberOfFrames=5)], must="rejected")
    yield Case("enhanced-frames-more", lambda files: [multiframe(files, NumberOfFrames=7)], must="rejected")
    for name in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        change = functools.partial(_without_group, name=name)
        yield Case(f"enhanced-without-{name[:6]}", change, must="rejected")
    yield Case("enhanced-groups-fewer", lambda files: [_fewer(multiframe(files))], must="rejected")
    yield Case("enhanced-one-place", lambda files: [multiframe([files[0]] * 6)], must="rejected")


def _without_group(files, name):
    return [multiframe(files, **{name: []})]


def _fewer(one):
    del one.PerFrameFunctionalGroupsSequence[3]
    return one


def group(**sequences):
    """A data set with one item of values in each sequence."""
    made = Dataset()
    for name, values in sequences.items():
        item = Dataset()
        for key, value in values.items():
            setattr(item, key, value)
        setattr(made, name, [item])
    return made


def multiframe(files, **tags):
    """The slices as one enhanced CT file."""
    made = copy.deepcopy(files[0])
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = EnhancedCTImageStorage
    made.NumberOfFrames = len(files)
    made.SharedFunctionalGroupsSequence = [
        group(
            PlaneOrientationSequence={"ImageOrientationPatient": list(files[0].ImageOrientationPatient)},
            PixelMeasuresSequence={"PixelSpacing": list(PIXEL), "SliceThickness": STEP},
            PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"},
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePositionSequence={"ImagePositionPatient": list(one.ImagePositionPatient)},
            FrameContentSequence={"DimensionIndexValues": [1, place], "InStackPositionNumber": place, "StackID": "1"},
        )
        for place, one in enumerate(files, 1)
    ]
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(made, name)
    made.PixelData = b"".join(one.PixelData for one in files)
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def tilted():
    """Gantry tilts of a ramp, which stays itself wherever it is interpolated."""
    for degrees in (-25, -12, -2, -0.5, 0.5, 2, 12, 25):
        yield Case(f"tilted-{degrees}", _tilt(degrees), says=True, must="right")
    for degrees in (-12, 12):
        uneven = functools.partial(_tilted_files, degrees=degrees, kept=(0, 1, 3, 4, 5))
        yield Case(f"tilted-uneven-{degrees}", uneven, says=True, must="right")
        downwards = functools.partial(_tilted_files, degrees=degrees, kept=(5, 4, 3, 2, 1, 0))
        yield Case(f"tilted-downwards-{degrees}", downwards, says=True, must="right")
        yield Case(f"tilted-tag-lies-{degrees}", _tilt(degrees, 7), says=True)


def _tilt(degrees, told=None):
    turn = np.radians(degrees)
    return every(
        ImageOrientationPatient=[1.0, 0, 0, 0, float(np.cos(turn)), float(np.sin(turn))],
        GantryDetectorTilt=-degrees if told is None else told,
        PixelData=lambda index: ramp()[index].astype("<i2").tobytes(),
    )


def _tilted_files(files, degrees, kept):
    _tilt(degrees)(files)
    return [files[index] for index in kept]


def ramp():
    """(n, h, w) values before rescaling, linear in every direction."""
    k, row, column = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    return 100 + 7 * column + 40 * row + 150 * k


def cases():
    """All of them."""
    return [*enhanced(), *tilted()]
