"""A DICOM series -> a NIfTI volume, by dcm2niix, which knows the vendors and mends gantry tilt and uneven spacing."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from preprocessing.dicom.corners import displaced
from preprocessing.dicom.files import ZIP_ERRORS, keeping_open, opened
from preprocessing.errors import ScanError

SECONDS = 600  # longer, and dcm2niix has lost itself in a damaged file (our decision)
# No sidecar, no compression, all files of the folder are one series whatever their exposure.
ARGUMENTS = ("-b", "n", "-z", "n", "-m", "y", "-f", "scan")
MENDED = ("_Tilt", "_Eq")  # in the names of files that dcm2niix makes besides; the most mended one is taken
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
    _gather(series.places, gathered)
    taken, said = _run([_program(), *ARGUMENTS, "-o", str(made), str(gathered)])
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


def _gather(places, folder):
    try:
        with keeping_open() as archives:
            for index, place in enumerate(places):
                target = folder / f"{index:05}.dcm"
                if place.member:
                    with opened(place, archives) as source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy)
                else:
                    os.symlink(os.path.abspath(place.path), target)
    except ZIP_ERRORS as error:
        raise ScanError(f"unreadable: {' '.join(str(error).split())}") from error


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
        data, affine = read_volume(converted(series, folder), axcodes)
    _check(series, data.shape, affine)
    return data, affine


def _check(series, shape, affine):
    if sum(shape[2:]) < len(series.positions):
        raise ScanError(
            f"the headers tell of {len(series.positions)} slices, dcm2niix makes a volume of {shape[2]}; "
            "the files contradict each other"
        )
    reason = displaced(series, affine, shape)
    if reason:
        raise ScanError(f"{reason}; the files contradict each other")
