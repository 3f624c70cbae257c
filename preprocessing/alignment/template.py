"""The template: a NIfTI head or brain in the wanted pose, read once a process."""

import functools
import gzip
import hashlib
import os
from typing import NamedTuple

import nibabel as nib
import numpy as np

from preprocessing import orientation
from preprocessing.alignment import builtin, rigid
from preprocessing.alignment.views import View, view
from preprocessing.errors import ScanError, UsageError
from preprocessing.volume import check_hu, read_volume


class Template(NamedTuple):
    """What scans are aligned to.

    Attributes:
        view: its View, whose centre comes to lie in the middle of aligned slices.
        bridge: (4, 4), its mm -> mm of the built-in head, where it is a brain alone or that head; else None.
    """

    view: View
    bridge: np.ndarray | None


def fingerprint(path):
    """16 hexadecimal digits of a template's voxels and affine. Raises UsageError where it cannot be read."""
    try:
        state = os.stat(path)
    except OSError as error:
        raise UsageError(f"--template: Expected a NIfTI file. Received: {path} ({error.strerror}).") from error
    return _fingerprint(path, state.st_mtime_ns, state.st_size)


def copied(path):
    """A template as the bytes of a .nii.gz file that has its fingerprint and nothing else of the file: headers and
    archives may name a patient.
    """
    data, affine = _read(path)
    whole = np.round(data).astype(np.int16)
    image = nib.Nifti1Image(whole if np.array_equal(whole, data) else data, affine)
    return gzip.compress(image.to_bytes(), mtime=0)


def load(path, digest=None):
    """The Template of a NIfTI file, or with None the built-in head.

    Args:
        digest: what `fingerprint` must say of the file; None takes it as it is.

    Raises:
        UsageError: it is another file, or no head CT.
    """
    if path is None:
        return Template(builtin.views()[0], np.eye(4))
    found = fingerprint(path)
    if digest not in (None, found):
        raise UsageError(f"--template: Expected the one whose voxels have {digest}. Received: {path}, {found}.")
    return _load(path, found)


@functools.lru_cache(maxsize=4)
def _fingerprint(path, modified, size):
    data, affine = _read(path)
    return hashlib.sha256(data.tobytes() + affine.astype("<f4").tobytes()).hexdigest()[:16]


def _read(path):
    try:
        data, affine = read_volume(path)
        check_hu(data)
    except ScanError as error:
        raise _refused(path, error) from error
    return data, affine


@functools.lru_cache(maxsize=1)
def _load(path, digest):
    data, affine = _read(path)
    try:
        seen = view(*orientation.displayed(data, affine, orientation.axes_of(affine)))
        return Template(seen, _bridge(seen) if seen.stripped else None)
    except ScanError as error:
        raise _refused(path, error) from error


def _refused(path, reason):
    return UsageError(f"--template: Expected a head CT. Received: {path}: {reason}.")


def _bridge(brain):
    found = rigid.register(brain, builtin.views()[1])
    if found.problem:
        raise ScanError(f"it is unlike the built-in head's brain: {found.problem}")
    return found.matrix
