"""Which scans a file or folder holds, and what each is called in the answers."""

from pathlib import Path

from preprocessing import sources

TABLES = ("predictions", "rejected")  # ids that would write over the tables of the answers


def find_scans(scans):
    """Finds a scan, or all scans below a folder.

    The id is that of `preprocessing.sources`, with `_` for what no file name may hold; where several files of a folder
    have the same name, it is their path below the folder, joined by `_`.

    Args:
        scans: path of a NIfTI file, of a zip archive of DICOM files, or of a folder of either or of DICOM files.

    Returns:
        ([(id, source)], [(id, path, reason)] of those that cannot be told apart or are no scan), both by id.

    Raises:
        UsageError: there is no scan.
    """
    return _with_names(scans, *sources.find(scans))


def find_slides(slides):
    """As `find_scans`, of a slide or a folder of them, see `preprocessing.slides.files`."""
    from preprocessing.slides import files

    return _with_names(slides, *files.find(slides))


def find_fields(fields):
    """As `find_scans`, of a microscopy field or a folder of them, a file each, see `preprocessing.fields.files`."""
    from preprocessing.fields import files

    return _with_names(fields, files.find(fields), [])


def _with_names(folder, found, unusable):
    taken, clashing = _without_clashes(_named(Path(folder), found))
    return taken, sorted(clashing + unusable)


def _named(folder, volumes):
    named = {}
    for id, paths in volumes.items():
        for path in paths:
            several = len(paths) > 1 and isinstance(path, Path)
            name = "_".join([*path.relative_to(folder).parts[:-1], id]) if several else id
            named.setdefault(name.replace("/", "_"), []).append(path)
    return named


def _without_clashes(named):
    scans, rejected = [], []
    for id, paths in sorted(named.items()):
        reason = f"duplicate id: {len(paths)} files have it" if len(paths) > 1 else None
        if id in TABLES:
            reason = f"{id!r} is the name of a table of the answers; rename the file"
        if reason:
            rejected += [(id, str(path), reason) for path in paths]
        else:
            scans.append((id, paths[0]))
    return scans, rejected
