"""Which images a folder has, and where the files are that an image table names."""

import os
from pathlib import Path

from preprocessing.errors import UsageError
from preprocessing.fields.errors import FieldError

SUFFIXES = (".ome.tiff", ".ome.tif", ".tiff", ".tif", ".png")


def find(images):
    """Images by the suffixes of their names, {id: [paths]}, an id being a name without its suffix.

    Args:
        images: path of a file, or of a folder, searched with its subfolders but those that begin with a dot.

    Raises:
        UsageError: it is missing, or nothing in it is an image.
    """
    path, found, expected = Path(images), {}, "Expected an image (TIFF or PNG) or a folder of them."
    if not path.exists():
        raise UsageError(f"{expected} Received: {path}, which does not exist.")
    for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
        suffix = next((one for one in SUFFIXES if each.name.lower().endswith(one)), None)
        hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
        if suffix and not hidden and each.is_file():
            found.setdefault(each.name[: -len(suffix)], []).append(each)
    if not found:
        raise UsageError(f"{expected} Received: {path}, which has none.")
    return found


class Root:
    """A folder in which a table's files are looked for; it is searched by their names only where that is needed."""

    def __init__(self, folder):
        self.folder, self._by_name = Path(folder), None
        if not self.folder.is_dir():
            raise UsageError(f"--root: Expected a folder of images. Received: {folder}.")

    def find(self, given):
        """Returns the path of a file.

        Args:
            given: its path as the table has it, absolute or below the folder, with either system's slashes. Leading
                folders that are not there are left out: archives unpack to other ones than the tables name. Where
                that does not help, the name alone finds it if no other file below the folder has it.

        Raises:
            FieldError: there is none, or there are several.
        """
        parts = Path(given.replace("\\", "/")).parts
        for start in range(len(parts)):
            path = self.folder.joinpath(*parts[start:])
            if os.path.isfile(path):  # a name that is too long is no error here
                return str(path)
        found = self._named(parts[-1]) if parts else []
        if len(found) == 1:
            return found[0]
        if found:
            raise FieldError(f"{len(found)} files below {self.folder} are called {parts[-1]!r}, none at {given!r}")
        raise FieldError(f"no such file below {self.folder}: {given!r}")

    def _named(self, name):
        if self._by_name is None:
            self._by_name = {}
            for folder, inside, names in os.walk(self.folder):
                inside[:] = sorted(each for each in inside if not each.startswith("."))
                for each in names:
                    self._by_name.setdefault(each, []).append(os.path.join(folder, each))
        return self._by_name.get(name, [])
