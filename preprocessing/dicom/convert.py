"""A DICOM series -> a NIfTI volume, by dcm2niix, which knows the vendors and mends gantry tilt and uneven spacing."""

import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from preprocessing.dicom.files import ZIP_ERRORS, keeping_open, opened
from preprocessing.dicom.headers import LONGEST
from preprocessing.dicom.place import displaced, settled
from preprocessing.errors import ScanError

SECONDS = 600  # longer, and dcm2niix has lost itself in a damaged file (our decision)
# No sidecar, no compression, all files of the folder are one series whatever their exposure.
ARGUMENTS = ("-b", "n", "-z", "n", "-m", "y", "-f", "scan")
MENDED = ("_Tilt", "_Eq")  # in the names of files that dcm2niix makes besides; the most mended one is taken
DEEPEST, CHUNK_BYTES = 8, 1 << 20  # bytes of a voxel, which are doubles at most; read at once
TAKEN = re.compile(r"^Convert (\d+) DICOM", re.MULTILINE)  # what dcm2niix says of every volume


def converted(series, folder):
    """Makes the NIfTI file of a series in a folder and returns its path.

    Args:
        series: a `preprocessing.dicom.series.Series`.
        folder: an empty one.

    Raises:
        ScanError: dcm2niix makes no volume of it, or one that lacks slices.
    """
    gathered, made = Path(folder) / "dicom", Path(folder) / "nifti"
    gathered.mkdir()
    made.mkdir()
    _gather(series, gathered)
    taken, said = _run([_program(), *ARGUMENTS, "-o", str(made), str(gathered)])
    said = said.replace(f"{gathered}{os.sep}", "")  # a name that every run has anew
    shutil.rmtree(gathered)
    if taken and taken != [len(series.places)]:
        # What it leaves out is not seen in the volume, where slices between the others are made up.
        raise ScanError(f"of {len(series.places)} files dcm2niix makes volumes of {', '.join(map(str, taken))}{said}")
    found = sorted(made.glob("*.nii"), key=lambda path: (-sum(word in path.name for word in MENDED), path.name))
    if not found:
        raise ScanError(f"dcm2niix makes no volume of it{said}")
    return found[0]


def _program():
    beside = Path(sys.executable).with_name("dcm2niix")
    found = str(beside) if beside.exists() else shutil.which("dcm2niix")
    if found is None:
        raise ScanError("DICOM needs dcm2niix: pip install dcm2niix")
    return found


def _gather(series, folder):
    most = DEEPEST * math.prod(series.shape) * len(series.positions) + LONGEST
    try:
        with keeping_open() as archives:
            for index, place in enumerate(series.places):
                target = folder / f"{index:05}.dcm"
                if place.member:
                    with opened(place, archives) as source, open(target, "wb") as copy:
                        _unpack(source, copy, most)
                else:
                    os.symlink(os.path.abspath(place.path), target)
    except ZIP_ERRORS as error:
        raise ScanError(f"unreadable: {' '.join(str(error).split()) or type(error).__name__}") from error


def _unpack(source, copy, most):
    """A small archive may hold endless zeros, which must not fill the disk."""
    while chunk := source.read(CHUNK_BYTES):
        if copy.tell() > most:
            raise ValueError(f"{source.name} holds more than {most} bytes")
        copy.write(chunk)


def _run(command):
    """(the numbers of files that went into each volume, what the program says of errors, to append to a reason)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ScanError(f"dcm2niix took longer than {SECONDS} s") from error
    told = done.stdout + done.stderr
    lines = [line for line in told.splitlines() if line.startswith(("Error", "Unsupported"))]
    died = f" (it ended with code {done.returncode})" if done.returncode < 0 else ""
    return [int(number) for number in TAKEN.findall(told)], f": {lines[0]}" if lines else died


def read(series, axcodes=None):
    """Returns (data float32 (i, j, k) in HU, affine (4, 4) -> RAS+ mm) of a series. Raises ScanError."""
    from preprocessing.volume import read_volume

    with tempfile.TemporaryDirectory(prefix="mil-tf-dicom-") as folder:
        made = converted(series, folder)
        data, affine = read_volume(made, axcodes)
    _check_count(series, data.shape)
    evened = MENDED[0] in made.name
    affine = settled(series, affine, evened)
    reason = displaced(series, affine, data.shape, evened)
    if reason:
        raise ScanError(f"{reason}; the files contradict each other")
    return data, affine


def _check_count(series, shape):
    if sum(shape[2:]) < len(series.positions):
        raise ScanError(
            f"the headers tell of {len(series.positions)} slices, dcm2niix makes a volume of {shape[2]}; "
            "the files contradict each other"
        )
