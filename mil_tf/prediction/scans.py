"""Which scans a file or folder holds, and what each is called in the answers."""

from pathlib import Path

from preprocessing.errors import UsageError
from preprocessing.inputs import find_volumes
from preprocessing.labels import SUFFIXES, scan_id

TABLES = ("predictions", "rejected")  # ids that would write over the tables of the answers
EXPECTED = "Expected a .nii or .nii.gz file, or a folder of them."


def find_scans(scans):
    """Finds a scan, or all scans below a folder.

    The id is the file's name without its suffix; where several files of a folder have the same name, it is
    their path below the folder, joined by `_`.

    Args:
        scans: path of a .nii or .nii.gz file, or of a folder.

    Returns:
        ([(id, path)], [(id, path, reason)] of those that cannot be told apart), both by id.

    Raises:
        UsageError: there is no scan.
    """
    path = Path(scans)
    if not path.exists():
        raise UsageError(f"{EXPECTED} Received: {path}, which does not exist.")
    if path.is_dir():
        return _without_clashes(_named(path, find_volumes(path)))
    if not path.name.endswith(SUFFIXES):
        raise UsageError(f"{EXPECTED} Received: {path}; convert it to NIfTI.")
    return _without_clashes({scan_id(path.name): [path]})


def _named(folder, volumes):
    named = {}
    for id, paths in volumes.items():
        for path in paths:
            name = id if len(paths) == 1 else "_".join([*path.relative_to(folder).parts[:-1], id])
            named.setdefault(name, []).append(path)
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
