"""CT-BET (Muschelli et al. 2015), the brain extraction of remedios2020, section 2.1, with FSL's `bet2`.

Threshold 0 to 100 HU, smooth with 1 mm, threshold again, BET with fractional intensity 0.01, fill holes; the mask then
goes on the original scan.
"""

import subprocess
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from preprocessing.errors import ScanError

LOW, HIGH = 0.0, 100.0  # HU; Muschelli et al. 2015, section 2.3
SIGMA = 1.0  # mm, there
FRACTION = 0.01  # there: the fractional intensity that did best
PROGRAM = "bet2"
SECONDS = 900  # our decision; it takes seconds


def extract(slices, spacing, upwards=True):
    """As `preprocessing.brain.native.extract`. Raises ScanError where bet2 fails or finds no brain."""
    prepared = _within(slices)
    prepared = _within(ndimage.gaussian_filter(prepared, [SIGMA / step for step in spacing]))
    with tempfile.TemporaryDirectory(prefix="mil-tf-bet-") as folder:
        given, made = Path(folder) / "scan.nii.gz", Path(folder) / "brain"
        # bet2 looks at the voxel size alone; rows go to posterior and columns to left, so the axes are turned to RAS.
        affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
        nib.save(nib.Nifti1Image(_turned(prepared, upwards), affine), given)
        _run([PROGRAM, str(given), str(made), "-f", str(FRACTION), "-m", "-n"])
        masks = sorted(Path(folder).glob("brain_mask.nii*"))
        if not masks:
            raise ScanError(f"brain extraction: {PROGRAM} made no mask")
        found = np.asarray(nib.load(masks[0]).dataobj) > 0
    if not found.any():
        raise ScanError(f"brain extraction: {PROGRAM} found no brain")
    return ndimage.binary_fill_holes(_turned_back(found, upwards))


def _within(volume):
    """Values outside the range are 0."""
    return np.where((volume >= LOW) & (volume <= HIGH), volume, 0).astype(np.float32)


def _turned(slices, upwards):
    """(n, h, w) of a bag -> (i, j, k) towards right, anterior and superior."""
    return (slices if upwards else slices[::-1]).transpose(2, 1, 0)[::-1, ::-1]


def _turned_back(volume, upwards):
    slices = volume[::-1, ::-1].transpose(2, 1, 0)
    return slices if upwards else slices[::-1]


def _run(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except FileNotFoundError as error:
        raise ScanError(f"brain extraction: {PROGRAM} is not on the PATH; install FSL or use --brain native") from error
    except subprocess.TimeoutExpired as error:
        raise ScanError(f"brain extraction: {PROGRAM} took longer than {SECONDS} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ScanError(f"brain extraction: {PROGRAM} failed: {said[0] if said else f'code {done.returncode}'}")
