"""Writing a folder of bags that survives a kill at any moment, and never mixes two settings.

The plan (which bag goes into which shard) is made first and kept in `plan.json` with the settings, so that
every shard's final name is known and a resumed job can tell whether it is still the same job. A shard is
written under a temporary name, moved when whole, and followed by a sidecar of its rows; a shard without its
sidecar is written again. `dataset.json` comes last: it marks the folder as whole.
"""

import collections
import contextlib
import csv
import hashlib
import importlib.metadata
import io
import json
import os
from pathlib import Path

from tfrecords import example, quiet
from tfrecords.bag import BagRow
from tfrecords.dataset import BAGS, INFO, PLAN, REJECTED
from tfrecords.errors import DatasetError
from tfrecords.record import FRAMING_BYTES
from tfrecords.schema import SCHEMA_VERSION

TEMPORARY = ".tmp"


class DatasetWriter:
    """Writes the planned shards into a folder, those first that an earlier run has not finished.

    Args:
        folder: made if missing. It may hold an unfinished job of the same plan and info, which is resumed;
            anything else in it is refused without `force`.
        shards: the planned ids of each shard. A planned bag may be rejected later.
        info: goes into `dataset.json`, and into the hash that must be the same to resume: class names,
            settings.
        force: remove what an earlier job wrote here (shards, tables; `splits.csv` stays, it is frozen).

    Example:
        writer = DatasetWriter(folder, [["a", "b"], ["c"]], {"classes": ["hemorrhage"]})
        for index in writer.pending:
            with writer.shard(index) as shard:
                shard.write(bag)
                shard.reject("b", "scans/b.nii", "4-D")
        writer.finish()
    """

    def __init__(self, folder, shards, info, force=False):
        self.folder, self.info = Path(folder), dict(info)
        self.shards = [list(ids) for ids in shards]
        self._check_plan()
        self.hash = plan_hash(self.shards, self.info)
        self._open(force)

    @property
    def names(self):
        """The final name of each shard."""
        return [f"bags-{index:05d}-of-{len(self.shards):05d}.tfrecord" for index in range(len(self.shards))]

    @property
    def pending(self):
        """The indices of the shards that are not whole yet."""
        return [index for index, name in enumerate(self.names) if not self._sidecar(name).exists()]

    @contextlib.contextmanager
    def shard(self, index):
        """A context in which one shard's bags are written in order; it becomes whole when the context ends
        without error.
        """
        tf = quiet.tensorflow()
        name = self.names[index]
        temporary = self.folder / (name + TEMPORARY)
        try:
            with tf.io.TFRecordWriter(str(temporary)) as file:
                shard = _Shard(name, self.shards[index], file, self.info.get("classes"))
                yield shard
        except tf.errors.OpError as error:  # a full disk, for one
            reason = " ".join(error.message.split())
            raise DatasetError(
                f"{name} cannot be written: {reason}; make room and run the command again."
            ) from error
        _move(temporary, self.folder / name)
        whole = {"file": describe(self.folder / name, len(shard.rows)), **shard.tables()}
        write_text(self._sidecar(name), json.dumps(whole, ensure_ascii=False))

    def finish(self, rejected=()):
        """Writes `bags.csv`, `rejected.csv` and `dataset.json`; `rejected` are rows (id, path, reason)
        refused before the plan.

        Returns the contents of `dataset.json`. Raises DatasetError where a shard is still pending.
        """
        if self.pending:
            raise DatasetError(
                f"{self.folder}: Expected all {len(self.shards)} shards. "
                f"Received: {len(self.pending)} pending."
            )
        sidecars = [json.loads(self._sidecar(name).read_text(encoding="utf-8")) for name in self.names]
        rows = [BagRow(*row) for sidecar in sidecars for row in sidecar["rows"]]
        refused = sorted(
            [list(row) for row in rejected] + [row for sidecar in sidecars for row in sidecar["rejected"]]
        )
        write_text(
            self.folder / BAGS,
            csv_text(BagRow._fields, [row._replace(label=label_text(row.label)) for row in rows]),
        )
        write_text(self.folder / REJECTED, csv_text(("id", "path", "reason"), refused))
        info = self._describe(rows, refused, sidecars)
        write_text(self.folder / INFO, json.dumps(info, indent=2, ensure_ascii=False) + "\n")
        for path in [self._sidecar(name) for name in self.names] + [self.folder / PLAN]:
            path.unlink(missing_ok=True)
        return info

    def _describe(self, rows, refused, sidecars):
        formats = {tuple(format) for sidecar in sidecars for format in map(_hashable, sidecar["formats"])}
        dtype, shape = next(iter(formats)) if len(formats) == 1 else (None, None)
        return {
            "schema": SCHEMA_VERSION,
            "version": package_version(),
            **self.info,
            "instances": {"dtype": dtype, "shape": shape},
            "counts": _counts(rows, refused),
            "plan": self.hash,
            "shards": [sidecar["file"] for sidecar in sidecars],
        }

    def _open(self, force):
        if self.folder.exists() and not self.folder.is_dir():
            raise DatasetError(f"Expected a folder to write into. Received: {self.folder}, which is a file.")
        self.folder.mkdir(parents=True, exist_ok=True)
        state = _state(self.folder)
        if force:
            _clear(self.folder)
        elif state == "finished":
            raise DatasetError(
                f"{self.folder} is a finished data set; give another folder, or --force to write it again."
            )
        elif state == "foreign":
            raise DatasetError(
                f"{self.folder} is not empty; give another folder, or --force to write into it."
            )
        elif isinstance(state, dict) and state.get("hash") != self.hash:
            raise DatasetError(
                f"{self.folder} holds an unfinished job with other settings or inputs; "
                "give another folder, or --force to start again."
            )
        for path in self.folder.glob("*" + TEMPORARY):
            path.unlink()
        for name in self.names:
            if not (self.folder / name).exists():
                self._sidecar(name).unlink(missing_ok=True)
        write_text(
            self.folder / PLAN,
            json.dumps({"hash": self.hash, "info": self.info, "shards": self.shards}, ensure_ascii=False),
        )

    def _check_plan(self):
        seen = set()
        for id in (id for ids in self.shards for id in ids):
            if id in seen:
                raise DatasetError(f"Expected every id once in the plan. Received: {id!r} twice.")
            seen.add(id)

    def _sidecar(self, name):
        return self.folder / (name.removesuffix(".tfrecord") + ".rows.json")


class _Shard:
    """A shard being written: what went into it, and where."""

    def __init__(self, name, planned, file, classes):
        self.name, self.file, self.classes = name, file, classes
        self.left, self.at = collections.deque(planned), None
        self.offset = 0
        self.rows, self.rejected, self.formats, self.written = [], [], [], set()

    def write(self, bag, planned=None):
        """Appends a bag, which must come in the planned order (rejected ones left out).

        Args:
            planned: the planned id that stands for several bags, of which this is one; else it is the bag's own.
        """
        wanted = bag.id if planned is None else planned
        again = planned is not None and self.at == planned and bag.id not in self.written
        if wanted not in self.left and not again:
            raise DatasetError(
                f"{self.name}: Expected one of the bags {list(self.left)[:3]}. Received: {bag.id!r}."
            )
        if self.classes is not None and len(bag.label) != len(self.classes):
            raise DatasetError(
                f"bag {bag.id}: Expected a label for each of {self.classes}. Received: {bag.label.tolist()}."
            )
        data = example.encode(bag)
        self.file.write(data)
        length = len(data) + FRAMING_BYTES
        self.rows.append(
            BagRow(bag.id, bag.patient, tuple(bag.label.tolist()), bag.n, self.name, self.offset, length)
        )
        self.offset += length
        self.written.add(bag.id)
        while self.at != wanted:
            self.at = self.left.popleft()
        if bag.instances is not None:
            self._note([bag.instances.dtype.name, list(bag.instances.shape[1:])])

    def reject(self, id, path, reason):
        """Notes that a planned bag cannot be made."""
        self.rejected.append([id, str(path), reason])

    def tables(self):
        """What the sidecar keeps."""
        return {"rows": self.rows, "rejected": self.rejected, "formats": self.formats}

    def _note(self, format):
        if format not in self.formats:
            self.formats.append(format)


def plan_hash(shards, info):
    """The hash of a job: the same plan and the same settings, or another job."""
    text = json.dumps(
        {"schema": SCHEMA_VERSION, "shards": shards, "info": info}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def describe(path, records):
    """A shard's entry in `dataset.json`."""
    return {"name": path.name, "sha256": file_hash(path), "records": records, "bytes": path.stat().st_size}


def file_hash(path):
    """The sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def label_text(label):
    """A label as it stands in a table: "0", or "0 1 0" for several classes."""
    return " ".join(str(value) for value in label)


def csv_text(header, rows):
    """A CSV table as text, with \\n line ends on every system, so that its bytes do not depend on it."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return buffer.getvalue()


def write_text(path, text):
    """Writes a text file so that it is there whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path, data):
    """Writes a file, and the folder that it is in, so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(data)
    _move(temporary, path)


def package_version(name="mil-tf"):
    """The version of a package, or "unknown" where it is not there or, as a folder may be, never installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _move(temporary, path):
    """Renames only what has reached the disk: a rename may survive a power cut that the contents do not."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _state(folder):
    """ "new", "finished", "foreign", or the plan of an unfinished job."""
    if (folder / INFO).exists():
        return "finished"
    if (folder / PLAN).exists():
        try:
            return json.loads((folder / PLAN).read_text(encoding="utf-8"))
        except ValueError:
            return {}
    return "foreign" if any(path.name != PLAN + TEMPORARY for path in folder.iterdir()) else "new"


def _clear(folder):
    for pattern in ("bags-*.tfrecord", "bags-*.rows.json", INFO, PLAN, BAGS, REJECTED):
        for path in folder.glob(pattern):
            path.unlink()


def _counts(rows, refused):
    width = max((len(row.label) for row in rows), default=0)
    return {
        "bags": len(rows),
        "instances": sum(row.n for row in rows),
        "patients": len({row.patient for row in rows}),
        "positive": [sum(1 in row.label[index : index + 1] for row in rows) for index in range(width)],
        "rejected": len(refused),
    }


def _hashable(format):
    return format[0], tuple(format[1])
