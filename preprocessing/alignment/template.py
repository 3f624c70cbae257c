"""The template: a NIfTI head or brain in the wanted pose, read once a process."""

import functools
import hashlib
from pathlib import Path

import numpy as np

from preprocessing import orientation
from preprocessing.alignment.views import view
from preprocessing.errors import ScanError, UsageError
from preprocessing.volume import check_hu, read_volume


def fingerprint(path):
    """16 hexadecimal digits of a file's bytes. Raises UsageError where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UsageError(f"--template: Expected a NIfTI file. Received: {path} ({error.strerror}).") from error


@functools.lru_cache(maxsize=1)
def load(path):
    """(View, (3,) world mm of its middle) of a template. Raises UsageError where it is no head CT."""
    try:
        data, affine = read_volume(path)
        check_hu(data)
        axes = orientation.axes_of(affine)
        to_mm = affine @ orientation.display_to_file(axes, data.shape)
        slices = orientation.reorient(data, axes)
        middle = to_mm @ [*(np.array(slices.shape[::-1]) - 1) / 2, 1]
        return view(slices, to_mm), middle[:3]
    except ScanError as error:
        raise UsageError(f"--template: Expected a head CT. Received: {path}: {error}.") from error
