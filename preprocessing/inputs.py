"""Which scans there are, which label belongs to which, and into which shard each goes."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from preprocessing.errors import ScanError, UsageError
from preprocessing.labels import SUFFIXES, scan_id

SHARD_BYTES = 128 << 20  # DESIGN: shards of 100-200 MB


class Scan(NamedTuple):
    """All that a worker needs to make one bag."""

    id: str
    path: str
    label: int
    patient: str
    meta: dict
    mask: str | None
    slice_labels: dict | None
    truth: bool


def find_volumes(folder, without=None):
    """Returns {id: [paths]} of all .nii and .nii.gz files under a folder, hidden ones and those under
    `without` left out.

    Raises UsageError where the folder is missing or has none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"Expected a folder of .nii or .nii.gz files. Received: {folder}, which is none.")
    skipped = None if without is None else Path(without).resolve()
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = skipped is not None and skipped in path.resolve().parents
        if path.name.endswith(SUFFIXES) and not path.name.startswith(".") and path.is_file() and not inside:
            found.setdefault(scan_id(path.name), []).append(path)
    if not found:
        raise UsageError(f"Expected a folder of .nii or .nii.gz files. Received: {folder}, which has none.")
    return found


def match(volumes, labels, labels_path, masks=None, slices=None, bad_slices=None):
    """Pairs scans with labels. Returns ([Scan] sorted by id, [(id, path, reason)] of what has no partner or
    is there twice).
    """
    masks = masks or {}
    scans, rejected = [], []
    for id, paths in sorted(volumes.items()):
        reason = _unusable(id, paths, labels, masks, bad_slices or {})
        if reason:
            rejected += [(id, str(path), reason) for path in paths]
            continue
        mask = str(masks[id][0]) if id in masks else None
        truth = None if slices is None else slices.get(id)
        row = labels[id]
        scans.append(
            Scan(
                id,
                str(paths[0]),
                row.label,
                row.patient,
                row.meta,
                mask,
                truth,
                bool(masks) or slices is not None,
            )
        )
    rejected += [
        (id, str(labels_path), "a label without a scan") for id in sorted(set(labels) - set(volumes))
    ]
    return scans, rejected


def plan(scans, settings):
    """Returns [[ids]] a shard, in order of id, each about 128 MB by the scans' headers; an unreadable scan
    counts as nothing.
    """
    shards, filled = [], 0
    for scan in scans:
        size = _bag_bytes(scan, settings)
        if not shards or (filled and filled + size > SHARD_BYTES):
            shards.append([])
            filled = 0
        shards[-1].append(scan.id)
        filled += size
    return shards


def fingerprint(scans, rejected):
    """A hash of everything that goes in but the voxels: a changed label, file size or mask makes it another
    job.
    """
    rows = [
        [*scan, Path(scan.path).stat().st_size, scan.mask and Path(scan.mask).stat().st_size]
        for scan in scans
    ]
    text = json.dumps([rows, sorted(rejected)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unusable(id, paths, labels, masks, bad_slices):
    if len(paths) > 1:
        return f"duplicate id: {len(paths)} files have it"
    if id not in labels:
        return "a scan without a label"
    if len(masks.get(id, ())) > 1:
        return f"duplicate id: {len(masks[id])} masks have it"
    return bad_slices.get(id)


def _bag_bytes(scan, settings):
    # Imported here: nibabel is not needed to print the command's help.
    from preprocessing.orientation import axes_of
    from preprocessing.volume import read_header

    try:
        shape, affine = read_header(scan.path, settings.orientation)
        return shape[axes_of(affine).slice] * settings.size**2 * 2  # float16
    except ScanError:
        return 0
