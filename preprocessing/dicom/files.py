"""Where DICOM lies: files of any name in folders, and members of zip archives."""

import contextlib
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from preprocessing.dicom import headers

ZIP = ".zip"
NAMED = (".dcm", ".dicom", ".ima")  # what a file of DICOM is called, where it is called anything
PACKED = (".zip", ".nii", ".nii.gz")  # what is not read where it is a member of an archive
# RuntimeError is what a password, or a method of compression that zipfile does not know, raises.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)


class Place(NamedTuple):
    """A file: `path`, and `member` within it where it is a zip archive, else ""."""

    path: str
    member: str = ""

    def parents(self):
        """The folders and archives above the file, the nearest first, as strings that tell them apart."""
        inner = [] if not self.member else [f"{self.path}/{part}" for part in Path(self.member).parents if part.name]
        outer = [self.path] if self.member else []
        return [*inner, *outer, *map(str, Path(self.path).parents)]


def listed(path):
    """Yields the Place of every file under a folder, or of a file; archives are opened up. Hidden files are left out.

    An archive that cannot be read is yielded as a Place without a member.
    """
    path = Path(path)
    for found in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if found.is_file() and not found.name.startswith("."):
            if found.suffix.lower() == ZIP:
                yield from _members(found)
            else:
                yield Place(str(found))


def _members(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(each.filename for each in archive.infolist() if not each.is_dir())
    except ZIP_ERRORS:
        names = [""]
    yield from (Place(str(path), name) for name in names if not Path(name).name.startswith("."))


def header(place, archives):
    """The Header of a place, the reason why a DICOM file or archive cannot be read, or None where it is no DICOM.

    Args:
        archives: of `keeping_open`.
    """
    if place.member.lower().endswith(PACKED):
        return "not read within an archive, unpack it"
    try:
        with opened(place, archives) as stream:
            if headers.is_dicom(stream):
                return headers.read(stream)
    except ZIP_ERRORS as error:
        damaged = place.member or Path(place.path).suffix.lower() == ZIP
        return f"unreadable {'archive' if damaged else 'file'}: {' '.join(str(error).split()) or type(error).__name__}"
    # A slice that was cut to nothing is told, where its name says what it was.
    name = (place.member or place.path).lower()
    return "damaged DICOM: it does not begin as such" if name.endswith(NAMED) else None


@contextlib.contextmanager
def keeping_open():
    """A dict in which `opened` keeps the archive that it read last, whose list of members is long to read."""
    archives = {}
    try:
        yield archives
    finally:
        for archive in archives.values():
            archive.close()


def opened(place, archives):
    """The bytes of a place as a stream to be closed.

    Args:
        archives: of `keeping_open`.
    """
    if place.member or Path(place.path).suffix.lower() == ZIP:
        return _archive(place.path, archives).open(place.member)
    return open(place.path, "rb")


def _archive(path, archives):
    if path not in archives:
        while archives:
            archives.popitem()[1].close()
        archives[path] = zipfile.ZipFile(path)
    return archives[path]
