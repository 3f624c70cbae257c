"""Which scans there are, which label belongs to which, and into which shard each goes."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from preprocessing import sources
from preprocessing.dicom.series import Series
from preprocessing.errors import UsageError

SHARD_BYTES = 128 << 20  # DESIGN: shards of 100-200 MB


class Scan(NamedTuple):
    """All that a worker needs to make one bag; `path` is a source of `preprocessing.sources`, the rest is what
    `preprocessing.ct.prepare` takes.
    """

    id: str
    path: str | Series
    label: int
    patient: str
    meta: dict
    mask: str | None
    slice_labels: dict | None
    truth: bool
    boxes: list | None = None


def find_masks(folder):
    """Returns {id: [paths]} of all NIfTI files under a folder. Raises UsageError where there are none."""
    found = sources.volumes(folder) if Path(folder).is_dir() else {}
    if not found:
        raise UsageError(f"Expected a folder of .nii or .nii.gz masks. Received: {folder}, which has none.")
    return found


def match(volumes, labels, labels_path, masks=None, slices=None, bad_slices=None, boxes=None, what="scan"):
    """Pairs scans with labels, and with what else there is of them by their ids; `what` they are called. Returns
    ([Scan] sorted by id, [(id, path, reason)] of what has no partner or is there twice).
    """
    masks = masks or {}
    scans, rejected = [], []
    for id, paths in sorted(volumes.items()):
        reason = _unusable(id, paths, labels, masks, bad_slices or {}, what)
        if reason:
            rejected += [(id, str(path), reason) for path in paths]
            continue
        mask = str(masks[id][0]) if id in masks else None
        truth = None if slices is None else slices.get(id)
        row = labels[id]
        scans.append(
            Scan(
                id,
                paths[0] if isinstance(paths[0], Series) else str(paths[0]),
                row.label,
                row.patient or sources.patient(paths[0]) or id,
                row.meta,
                mask,
                truth,
                bool(masks) or slices is not None,
                None if boxes is None or not isinstance(paths[0], Series) else boxes.get(id, []),
            )
        )
    rejected += [
        (id, str(labels_path), f"a label without a {what}") for id in sorted(set(labels) - set(volumes))
    ]
    return scans, rejected


def plan(scans, settings):
    """Returns [[ids]] a shard, in order of id, each about 128 MB by the scans' headers; an unreadable scan
    counts as nothing.
    """
    return packed((scan.id, _bag_bytes(scan, settings)) for scan in scans)


def packed(sizes):
    """Returns [[ids]] a shard, in the order of (id, bytes), each of about SHARD_BYTES."""
    shards, filled = [], 0
    for id, size in sizes:
        if not shards or (filled and filled + size > SHARD_BYTES):
            shards.append([])
            filled = 0
        shards[-1].append(id)
        filled += size
    return shards


def fingerprint(scans, rejected):
    """A hash of everything that goes in but the voxels: a changed label, file size or mask makes it another
    job.
    """
    rows = [
        [*scan, sources.stamp(scan.path), scan.mask and Path(scan.mask).stat().st_size]
        for scan in scans
    ]
    text = json.dumps([rows, sorted(rejected)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unusable(id, paths, labels, masks, bad_slices, what):
    if len(paths) > 1:
        return f"duplicate id: {len(paths)} files have it"
    if id not in labels:
        return f"a {what} without a label"
    if len(masks.get(id, ())) > 1:
        return f"duplicate id: {len(masks[id])} masks have it"
    return bad_slices.get(id)


def _bag_bytes(scan, settings):
    return sources.slices(scan.path, settings.orientation) * settings.size**2 * 2  # float16
