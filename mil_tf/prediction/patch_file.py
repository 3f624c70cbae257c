"""Patches in PatchCamelyon's own layout: `x`, uint8 (n, 96, 96, 3), and in another file or the same `y`, a label each.

They are at 10x; lerousseau2020 (section 3.2) brings them to its tiles of 20x by drawing them twice as large,
bilinearly, and padding with 0 to 224 pixels. Where the padding goes is not said; here the patch lies in the middle (our
decision), as its label is that of its own middle. What is padded is the picture, so that its border is black.
"""

import contextlib

import numpy as np

SIDE, TIMES, TILE = 96, 2, 224  # PatchCamelyon; lerousseau2020, section 3.2
ENDING = "_x.h5", "_y.h5"  # of the two files that PatchCamelyon comes in


class PatchError(ValueError):
    """A file that is none of such patches; the message is one line."""


class PatchFile:
    """Open patches and their labels.

    Args:
        path: HDF5 file with `x`.
        labels: HDF5 file with `y`; None is that of PatchCamelyon's name beside `path`, else `path` itself.

    Raises:
        PatchError: a file is none, lacks its data set, or has another shape or type than these.
    """

    def __init__(self, path, labels=None):
        self._held = contextlib.ExitStack()
        try:
            self._patches = self._held.enter_context(_opened(path)).get("x")
            _check(path, "x", self._patches, (SIDE, SIDE, 3))
            if self._patches.dtype != np.uint8:
                raise PatchError(f"{path}: Expected x of type uint8. Received: {self._patches.dtype}")
            self.labels = self._labels(_labels_of(path) if labels is None else labels, path)
        except BaseException:
            self._held.close()
            raise

    def __len__(self):
        return len(self._patches)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._held.close()

    def blocks(self, size):
        """Yields patches as uint8 (at most `size`, 96, 96, 3), in order. Raises PatchError where they are damaged."""
        for start in range(0, len(self), size):
            try:
                yield self._patches[start : start + size]
            except OSError as error:
                raise PatchError(f"x of patch {start} and after cannot be read: {_line(error)}") from error

    def _labels(self, path, patches):
        file = self._held.enter_context(_opened(path))
        found = file.get("y")
        if found is None and path == patches:
            raise PatchError(f"{path}: Expected labels in a data set y, or in a file beside it. Received: neither; "
                             "give --labels")
        _check(path, "y", found, (1, 1, 1))
        if len(found) != len(self):
            raise PatchError(f"{path}: Expected a label of each of the {len(self)} patches. Received: {len(found)}")
        values = np.ravel(found[()])
        if not np.isin(values, (0, 1)).all():
            raise PatchError(f"{path}: Expected y of 0 and 1. Received: {values[~np.isin(values, (0, 1))][0]}")
        return values.astype(np.int64)


def _labels_of(path):
    other = path.with_name(path.name.removesuffix(ENDING[0]) + ENDING[1])
    return other if path.name.endswith(ENDING[0]) and other.exists() else path


@contextlib.contextmanager
def _opened(path):
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        packed = "; unpack it first, as by gunzip" if path.suffix == ".gz" else ""
        reason = _line(error) + packed if path.exists() else "there is no such file"
        raise PatchError(f"{path} cannot be read as HDF5: {reason}") from error
    with file:
        yield file


def _check(path, name, found, shape):
    wanted = ", ".join(map(str, ("n", *shape)))
    if found is None or not hasattr(found, "shape"):
        raise PatchError(f"{path}: Expected a data set {name} ({wanted}). Received: none of that name")
    if found.shape[1:] != shape or not len(found):
        raise PatchError(f"{path}: Expected {name} of shape ({wanted}). Received: {found.shape}")


def _line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def tiles_of(patches):
    """Patches as tiles: twice as large, in the middle of zeros.

    Args:
        patches: uint8 (n, 96, 96, 3).

    Returns:
        float32 tensor (n, 224, 224, 3), 0 to 255.
    """
    import tensorflow as tf

    large = tf.image.resize(tf.cast(patches, tf.float32), (SIDE * TIMES,) * 2, method="bilinear")
    around = (TILE - SIDE * TIMES) // 2
    return tf.pad(large, [[0, 0], [around, around], [around, around], [0, 0]])
