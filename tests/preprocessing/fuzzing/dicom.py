"""All DICOM series."""

import io

import pydicom

from . import dicom_bytes, dicom_frames, dicom_tags
from .series import SLICES, as_bytes, series, truth


def cases():
    """All of them."""
    return [*dicom_tags.cases(), *dicom_bytes.cases(), *dicom_frames.cases()]


def written(case, folder, number):
    """Writes the files of a case, with UIDs of its own, and returns what it may show: [(HU, RAS+ mm, whether a row must
    tell of the rest)].
    """
    good, files = truth(series()), series(f"1.2.{number}.3", f"1.2.{number}")
    files = case.change(files) or files
    contents = [as_bytes(one) for one in files]
    if case.bytes is not None:
        contents = [case.bytes(index, content) for index, content in enumerate(contents)]
    for index, content in enumerate(contents):
        (folder / f"{index:02}.dcm").write_bytes(content)
    if not case.says:
        allowed = [good]
    elif case.bytes is None:
        allowed = [truth(files)]
    else:
        allowed = [good, *_told(contents)]
    kept = [index for index in range(SLICES) if index not in case.lost]
    fewer = [tuple(array[kept] for array in each) for each in allowed if case.lost]
    return [(*each, False) for each in allowed] + [(*each, True) for each in fewer]


def _told(contents):
    """What the tags say, where they still say something: a flipped byte may make them lie, or mean nothing."""
    try:
        return [truth([pydicom.dcmread(io.BytesIO(content), force=True) for content in contents])]
    except Exception:
        return []


def is_ramp(case):
    """Whether the slices of a case are interpolated across, so that it is checked as a ramp."""
    return case.name.startswith("tilted")
