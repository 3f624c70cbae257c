"""A series of DICOM files: the noun that the rest of the room passes on. Light to import, as command lines need."""

from pathlib import Path
from typing import NamedTuple

import numpy as np


class Slice(NamedTuple):
    """A plane of a series: its SOPInstanceUID, with "/" and the number of the frame where the file holds several, and
    the place of its first pixel in LPS+ mm.
    """

    name: str
    position: tuple


class Series(NamedTuple):
    """A volume that could be made.

    Attributes:
        id: the study's name, with "/" and the series' number where the study has several (its uid where numbers
            repeat or are missing).
        name: the study's.
        study, uid: StudyInstanceUID and SeriesInstanceUID, or what stands for them where they are missing.
        places: its files, in spatial order.
        positions: mm along the normal, one a slice, rising.
        number: SeriesNumber, or None.
        kernel: the convolution kernel's name.
        shape: (rows, columns).
        patient: a hash of the patient's id, or "".
        reason: why it cannot be a scan, or "".
        slices: (Slice, ...), one for each of the positions.
        orientation: six direction cosines, or None.
        pixel: mm from row to row and from column to column, or None.
    """

    id: str
    name: str
    study: str
    uid: str
    places: tuple
    positions: tuple
    number: int | None
    kernel: str
    shape: tuple
    patient: str
    reason: str
    slices: tuple = ()
    orientation: tuple | None = None
    pixel: tuple | None = None

    def __str__(self):
        return self.places[0].path if self.places[0].member else str(Path(self.places[0].path).parent)

    @property
    def spacing(self):
        """Median mm between slices."""
        return float(np.median(np.diff(self.positions))) if len(self.positions) > 1 else float("inf")

    @property
    def length(self):
        """mm from the first slice to the last."""
        return self.positions[-1] - self.positions[0] if self.positions else 0.0

    def told(self):
        """What tells it apart from the study's other series, in a few words."""
        kernel = f", kernel {self.kernel}" if self.kernel else ""
        return f"series {self.number}, {len(self.positions)} slices {self.spacing:.2f} mm apart{kernel}"


def normal(orientation):
    """The unit vector (3,) across slices of these direction cosines, in LPS+; upwards where they are axial."""
    if orientation is None:
        return np.array([0.0, 0.0, 1.0])
    across = np.cross(orientation[:3], orientation[3:])
    return across * (1 if across[np.abs(across).argmax()] >= 0 else -1)
