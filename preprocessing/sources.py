"""Where scans come from: NIfTI files, and series of DICOM files in folders and zip archives.

A source is the path of a NIfTI file, or a `preprocessing.dicom.series.Series`. The rest of the room asks here and need
not know which.
"""

from pathlib import Path

from preprocessing.errors import ScanError, UsageError
from preprocessing.ids import SUFFIXES, scan_id

EXPECTED = "Expected a folder of .nii or .nii.gz files, or of DICOM files or zip archives of them."


def find(scans, series="auto", without=None):
    """Finds all scans.

    Args:
        scans: a folder, searched with its subfolders, or a NIfTI file or zip archive.
        series: which DICOM series of a study, see `preprocessing.dicom.studies.choose`.
        without: a folder to leave out, or None.

    Returns:
        ({id: [sources]}, [(id, path, reason)] of DICOM series and files that are no scan or were not chosen).

    Raises:
        UsageError: `scans` is missing, or nothing in it is a scan.
    """
    path = Path(scans)
    if not path.exists():
        raise UsageError(f"{EXPECTED} Received: {path}, which does not exist.")
    found = volumes(path, without)
    studies, rejected = _dicom(path, series, without)
    for each in studies:
        found.setdefault(each.id, []).append(each)
    if not found:
        raise UsageError(f"{EXPECTED} Received: {path}, which has none{_first(rejected)}.")
    return found, rejected


def volumes(path, without=None):
    """{id: [paths]} of all NIfTI files under a folder, hidden ones and those under `without` left out; or of one."""
    path = Path(path)
    found = {}
    for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if each.name.endswith(SUFFIXES) and not each.name.startswith(".") and each.is_file() and not _in(each, without):
            found.setdefault(scan_id(each.name), []).append(each)
    return found


def read(source, axcodes=None):
    """Returns (data float32 (i, j, k) in HU, affine (4, 4) -> RAS+ mm). Raises ScanError."""
    from preprocessing.volume import read_volume

    if _is_path(source):
        return read_volume(source, axcodes)
    from preprocessing.dicom import convert

    return convert.read(source, axcodes)


def slices(source, axcodes=None):
    """How many axial slices a scan has by its header, 0 where that cannot be read."""
    from preprocessing.orientation import axes_of
    from preprocessing.volume import read_header

    if not _is_path(source):
        return len(source.positions)
    try:
        shape, affine = read_header(source, axcodes)
        return shape[axes_of(affine).slice]
    except ScanError:
        return 0


def names(source, affine, axis, count):
    """The names of a volume's slices, "" for one that has none, or None where the source names no slices at all.

    Args:
        affine, axis, count: see `preprocessing.dicom.slices.shown`.
    """
    if _is_path(source):
        return None
    from preprocessing.dicom.slices import shown

    return shown(source, affine, axis, count)


def slice_names(sources):
    """The names of the slices of a scan's source, [] where it names none."""
    return [] if _is_path(sources[0]) else [each.name for each in sources[0].slices if each.name]


def stamp(source):
    """What changes with the scan's files, without reading them: their sizes."""
    if _is_path(source):
        return Path(source).stat().st_size
    return [Path(path).stat().st_size for path in sorted({place.path for place in source.places})]


def patient(source):
    """The patient that the scan itself names, as a hash, or ""."""
    return "" if _is_path(source) else source.patient


def renamed(found, ids, aliases=None):
    """{id: [sources]} by the names that a table has for the scans.

    A study's name stands for its only series, and an alias for what the table calls it.

    Args:
        found: {id: [sources]}.
        ids: of the table.
        aliases: {another name: id of the table} or None.
    """
    names = [each.name for sources in found.values() for each in sources if not _is_path(each)]
    aliases, kept = aliases or {}, {}
    for id, sources in found.items():
        series = [each.name for each in sources if not _is_path(each) and names.count(each.name) == 1]
        wanted = [aliases.get(name, name) for name in (id, *series)]
        known = [name for name in wanted if name in ids and (name == id or name not in found)]
        kept.setdefault(known[0] if known else id, []).extend(sources)
    return kept


def _dicom(path, series, without):
    from preprocessing.dicom.studies import choose
    from preprocessing.dicom.studies import find as find_series

    found, unreadable = find_series(path, lambda place: not _in(Path(place.path), without))
    taken, others = choose(found, series)
    return taken, others + unreadable


def _is_path(source):
    return isinstance(source, (str, Path))


def _in(path, folder):
    return folder is not None and Path(folder).resolve() in path.resolve().parents


def _first(rejected):
    return "" if not rejected else f"; {rejected[0][0]}: {rejected[0][2]}" + (" (and others)" if rejected[1:] else "")
