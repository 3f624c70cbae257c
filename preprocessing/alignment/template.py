"""The template: a NIfTI head or brain in the wanted pose, read once a process."""

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from preprocessing import orientation
from preprocessing.alignment import builtin, rigid
from preprocessing.alignment.views import View, view
from preprocessing.errors import ScanError, UsageError
from preprocessing.volume import check_hu, read_volume


class Template(NamedTuple):
    """What scans are aligned to.

    Attributes:
        view: its View.
        middle: (3,) world mm that come to lie in the middle of aligned slices.
        bridge: (4, 4), its mm -> mm of the built-in head.
    """

    view: View
    middle: np.ndarray
    bridge: np.ndarray


def fingerprint(path):
    """16 hexadecimal digits of a file's bytes. Raises UsageError where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UsageError(f"--template: Expected a NIfTI file. Received: {path} ({error.strerror}).") from error


@functools.lru_cache(maxsize=1)
def load(path):
    """The Template of a NIfTI file, or with None the built-in head. Raises UsageError where it is no head CT."""
    if path is None:
        whole, _ = builtin.views()
        return Template(whole, whole.centre, np.eye(4))
    try:
        data, affine = read_volume(path)
        check_hu(data)
        axes = orientation.axes_of(affine)
        to_mm = affine @ orientation.display_to_file(axes, data.shape)
        slices = orientation.reorient(data, axes)
        seen = view(slices, to_mm)
        middle = to_mm @ [*(np.array(slices.shape[::-1]) - 1) / 2, 1]
        return Template(seen, middle[:3], _bridge(seen))
    except ScanError as error:
        raise UsageError(f"--template: Expected a head CT. Received: {path}: {error}.") from error


def _bridge(seen):
    found = rigid.register(seen, builtin.views()[int(seen.stripped)])
    if found.problem:
        raise ScanError(f"it is unlike the built-in head: {found.problem}")
    return found.matrix
