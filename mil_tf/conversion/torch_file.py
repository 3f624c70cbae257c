"""The file that `torch.save` writes of a state dict, since PyTorch 1.6 a zip archive, read without PyTorch.

    NAME/data.pkl     which tensor is made of which stored numbers, a pickle: see `mil_tf.conversion.steps`
    NAME/data/KEY     the numbers
    NAME/byteorder    little or big; missing in older files, which are little
    NAME/version      of the layout

Its entries are not compressed, so a file can make the reader take no more memory than it is long.
"""

import math
import re
import zipfile
from pathlib import Path

import numpy as np

from mil_tf.conversion import steps
from mil_tf.conversion.steps import StateError, shown

STORAGES = {"torch FloatStorage": "f4", "torch LongStorage": "i8"}
ORDERS = {b"little": "<", b"big": ">"}
VERSIONS = range(1, 11)  # that PyTorch itself reads
NUMBER = 20  # bytes of a version or byteorder entry at most; our decision


def read_state(path):
    """Returns {name: array} of a state dict, in the file's order; the arrays cannot be written to.

    Args:
        path: of a file that torch.save wrote of a model's state_dict(), by PyTorch 1.6 or later.

    Raises:
        StateError: it is anything else, or damaged; the message is one line that names the file.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _arrays(_Entries(archive, path.stat().st_size))
    except StateError as error:
        raise StateError(f"{path}: {error}") from error
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise StateError(f"{path}: {_why(path, error)}") from error
    except Exception as error:  # a damaged archive makes `zipfile` raise what it likes
        reason = " ".join(str(error).split())
        raise StateError(f"{path}: Expected a whole zip archive. Received: a damaged one ({reason})") from error


def _why(path, error):
    with open(path, "rb") as file:
        start = file.read(512)
    if start[:1] == b"\x80" or start[257:262] == b"ustar":  # a pickle alone, or in the tar archive before that
        return (
            "Expected the zip archive that PyTorch writes since 1.6. Received: an older layout; load it in PyTorch "
            "and save it again."
        )
    return f"Expected the zip archive of a PyTorch state dict. Received: none, or a part of one ({error})"


class _Entries:
    """The entries of an archive that is laid out as PyTorch does."""

    def __init__(self, archive, size):
        self.archive, self._read = archive, {}
        self.sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        packed = [entry.filename for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
        if packed or sum(self.sizes.values()) > size or len(self.sizes) < len(archive.infolist()):
            raise StateError("Expected entries that lie beside each other uncompressed. Received: others")
        found = [name for name in self.sizes if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(found) != 1:
            raise StateError(f"Expected one NAME/data.pkl in the archive. Received: {len(found)}")
        self.folder = found[0].removesuffix("data.pkl")

    def __call__(self, name, most=None):
        """The bytes of an entry. Raises StateError where it is missing, or longer than `most`."""
        name = self.folder + name
        if name not in self.sizes:
            raise StateError(f"Expected an entry {shown(name)} in the archive. Received: none")
        if most is not None and self.sizes[name] > most:
            raise StateError(f"Expected {shown(name)} of at most {most} bytes. Received: {self.sizes[name]}")
        if name not in self._read:
            self._read[name] = self.archive.read(name)
        return self._read[name]

    def version(self):
        """Checks that the layout is one that is known."""
        text = self("version", NUMBER).strip()
        if not text.isdigit() or int(text) not in VERSIONS:
            raise StateError(f"Expected version {VERSIONS[0]} to {VERSIONS[-1]} of the layout. Received: {text!r}")

    def order(self):
        """The byte order, as numpy writes it."""
        if f"{self.folder}byteorder" not in self.sizes:
            return "<"
        text = self("byteorder", NUMBER).strip()
        if text not in ORDERS:
            raise StateError(f"Expected the byte order little or big. Received: {text!r}")
        return ORDERS[text]


def _arrays(entries):
    entries.version()
    order, found = entries.order(), steps.tensors(entries("data.pkl", steps.MOST))
    return {name: _array(name, tensor, entries, order) for name, tensor in found.items()}


def _array(name, tensor, entries, order):
    name, (kind, key, count) = shown(name), tensor.storage
    if kind not in STORAGES:
        raise StateError(f"{name}: Expected numbers of {' or '.join(STORAGES)}. Received: {shown(kind)}")
    if not re.fullmatch("[0-9]+", key):
        raise StateError(f"{name}: Expected the number of a storage. Received: {shown(key)}")
    dtype, data = np.dtype(order + STORAGES[kind]), entries(f"data/{key}")
    if len(data) != count * dtype.itemsize or math.prod(tensor.shape) > count:
        raise StateError(
            f"{name}: Expected shape {shown(tensor.shape)} in {count} stored numbers of {dtype.itemsize} bytes. "
            f"Received: {len(data)} bytes"
        )
    strides = [stride * dtype.itemsize for stride in tensor.strides]
    try:
        return np.ndarray(tensor.shape, dtype, data, tensor.offset * dtype.itemsize, strides)
    except (ValueError, OverflowError, TypeError) as error:  # numpy looks whether all of it lies within the data
        raise StateError(
            f"{name}: Expected a tensor within its {count} stored numbers. Received: shape {shown(tensor.shape)} with "
            f"strides {shown(tensor.strides)} from {tensor.offset} on"
        ) from error
