"""What the image-level set is learned towards: a mask an image, on disk, one file a recursion.

A file is a zip archive, of which every member is a mask, zlib of uint8 (h, w), named by the image's id: written one
after the other and read one by one, so that memory does not follow the set. Equal masks make equal bytes.
"""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

NAME = "targets.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the least time that a zip archive can tell: none


class TargetsError(ValueError):
    """A file of targets that is damaged; the message is one line."""


class TargetWriter:
    """Writes the targets of a recursion; they are there when `close` returns, as a whole or not at all.

    Args:
        folder: of the recursion; made where it is missing.

    Attributes:
        ids: of the images so far.
    """

    def __init__(self, folder):
        self._path = Path(folder) / NAME
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._part = self._path.with_name(f".{NAME}.part")
        self._file, self._digest, self.ids = zipfile.ZipFile(self._part, "w"), hashlib.sha256(), []

    def add(self, id, mask):
        """Adds an image's mask, (h, w) class ids."""
        data = np.ascontiguousarray(mask, np.uint8).tobytes()
        self._file.writestr(zipfile.ZipInfo(id, EPOCH), data, zipfile.ZIP_DEFLATED)
        self._digest.update(f"{len(id)} {id} {len(data)} ".encode() + data)
        self.ids.append(id)

    def close(self):
        """Returns the sha256 of all ids and masks in their order."""
        self._file.close()
        os.replace(self._part, self._path)
        return self._digest.hexdigest()


class Targets:
    """The targets that a recursion learns towards.

    Args:
        folder: of the recursion that made them.
        shape: (h, w) of a mask.

    Raises:
        TargetsError: the file is missing or damaged.
    """

    def __init__(self, folder, shape):
        self._path, self._shape = Path(folder) / NAME, tuple(shape)
        try:
            self._file = zipfile.ZipFile(self._path)
        except (OSError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from error
        self.ids = self._file.namelist()
        self._known = set(self.ids)

    def __contains__(self, id):
        return id in self._known

    def __getitem__(self, id):
        """uint8 (h, w) of an image. Raises TargetsError where it is damaged."""
        try:
            return np.frombuffer(self._file.read(id), np.uint8).reshape(self._shape)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from error

    def close(self):
        """Closes the file."""
        self._file.close()

    def _damaged(self, error):
        return TargetsError(
            f"{self._path}: Expected the whole targets of a recursion. Received: {error}; remove its folder and those "
            "of the recursions after it, and go on with --resume."
        )
