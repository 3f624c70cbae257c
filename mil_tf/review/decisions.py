"""Who decided what and when: FOLDER/decisions.csv, a file that only grows.

One row a decision: time (UTC, ISO with milliseconds, ending in Z), reviewer, id, decision (accept, reject, skip, undo).
Each is on the disk before it counts as made. Several processes may write: each holds a flock on the file meanwhile.

The order of the file is the order in time. An undo takes back this reviewer's last decision on this slice that still
stands. Lines are read one by one, and the decision is their last field, so whatever a power cut leaves behind of a row
can neither pass for another row nor spoil the next one: it is told and left out.
"""

import contextlib
import csv
import errno
import io
import os
import re
import threading
from pathlib import Path
from typing import NamedTuple

from mil_tf.review.candidates import DECISIONS, CandidateError, plain_text

try:
    import fcntl
except ImportError:  # not everywhere: there one write at the file's end, which is a row, must do
    fcntl = None

COLUMNS = ("time", "reviewer", "id", "decision")
ACCEPT, REJECT, SKIP, UNDO = WORDS = ("accept", "reject", "skip", "undo")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SHOWN = 60  # characters of a line that is told; our decision


class Row(NamedTuple):
    """One line of decisions.csv."""

    time: str
    reviewer: str
    id: str
    decision: str


def checked(row):
    """The Row as it came. Raises CandidateError where it cannot be written."""
    if not isinstance(row.time, str) or not TIME.fullmatch(row.time):
        raise CandidateError(f"Expected a time such as 2021-06-01T12:00:00.000Z. Received: {row.time!r}.")
    if row.decision not in WORDS:
        raise CandidateError(f"Expected one of {', '.join(WORDS)}. Received: {row.decision!r}.")
    plain_text(row.reviewer, "a reviewer's name")
    plain_text(row.id, "an id")
    return row


def parse(line):
    """The Row of a line (bytes), None where it is empty or the header. Raises CandidateError where it is neither."""
    text = line.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r")
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise CandidateError(f"Expected a row of a table. Received: {error}.") from error
    if not fields or tuple(fields) == COLUMNS:
        return None
    if len(fields) != len(COLUMNS):
        raise CandidateError(f"Expected {', '.join(COLUMNS)}. Received: {len(fields)} fields.")
    return checked(Row(*fields))


def read_rows(data):
    """([Row], [what is wrong with a line, in words]) of a whole file (bytes)."""
    rows, problems = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        _take(line, number, rows, problems)
    return rows, problems


def _take(line, number, rows, problems):
    try:
        row = parse(line)
    except CandidateError:
        cut = line[:SHOWN].decode("utf-8", "replace")
        problems.append(f"line {number} of {DECISIONS} is no whole row and is left out: {cut!r}")
    else:
        rows.extend([row] if row else [])


class Ledger:
    """decisions.csv of a folder, read as it grows; for several threads, beside other processes.

    Args:
        folder: where it is, or will be with the first decision.
    """

    def __init__(self, folder):
        self.path = Path(folder) / DECISIONS
        self._lock = threading.RLock()
        self._forget()

    def _forget(self):
        self._rows, self._problems, self._seen = [], [], set()
        self._rest = [], []  # of a last line without its end: read again when there is more
        self._file, self._offset, self._lines = None, 0, 0

    def read(self):
        """([Row], [problems in words]) as they are on the disk now."""
        with self._lock:
            try:
                descriptor = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                self._forget()
            else:
                with _closing(descriptor), _locked(descriptor, exclusive=False):
                    self._catch_up(descriptor)
            return self._rows + self._rest[0], self._problems + self._rest[1]

    def append(self, rows):
        """Writes those of the rows that are not there yet, all of them or none; they are on the disk afterwards.

        A row that is there already, with the same time, reviewer, id and decision, is one that a page has sent again.

        Returns:
            How many were new.

        Raises:
            CandidateError: a row cannot be.
            OSError: they could not be written, for instance since the disk is full.
        """
        rows = [checked(row) for row in rows]
        with self._lock, self._to_write() as (descriptor, size):
            self._catch_up(descriptor)
            known = self._seen.union(self._rest[0])
            new = [row for row in dict.fromkeys(rows) if row not in known]
            if new:
                start = _line(COLUMNS) if size == 0 else "" if self._offset == size else "\n"
                _write(descriptor, size, (start + "".join(map(_line, new))).encode())
                self._catch_up(descriptor)
        return len(new)

    @contextlib.contextmanager
    def _to_write(self):
        """(descriptor, size) of the file, which is ours alone within."""
        while True:
            is_new = not self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            with _closing(descriptor), _locked(descriptor, exclusive=True):
                if not _is_at(self.path, descriptor):
                    continue  # an editor has put another file in its place while we waited
                if is_new:
                    _sync_folder(self.path.parent)
                yield descriptor, os.fstat(descriptor).st_size
                return

    def _catch_up(self, descriptor):
        status = os.fstat(descriptor)
        if self._file != (status.st_dev, status.st_ino) or status.st_size < self._offset:
            self._forget()
            self._file = status.st_dev, status.st_ino
        *whole, rest = _read_from(descriptor, self._offset).split(b"\n")
        before = len(self._rows)
        for line in whole:
            self._lines += 1
            _take(line, self._lines, self._rows, self._problems)
        self._seen.update(self._rows[before:])
        self._offset += sum(map(len, whole)) + len(whole)
        self._rest = [], []
        _take(rest, self._lines + 1, *self._rest)


def _line(fields):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(fields)
    return buffer.getvalue()


def _write(descriptor, size, data):
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)  # nobody else writes now
        raise


def _read_from(descriptor, offset):
    parts = []
    while data := os.pread(descriptor, 1 << 20, offset):
        parts.append(data)
        offset += len(data)
    return b"".join(parts)


def _is_at(path, descriptor):
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_folder(folder):
    with contextlib.suppress(OSError):  # some file systems cannot
        descriptor = os.open(folder, os.O_RDONLY)
        with _closing(descriptor):
            os.fsync(descriptor)


@contextlib.contextmanager
def _closing(descriptor):
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(descriptor, exclusive):
    if fcntl is None:
        yield
        return
    with contextlib.suppress(OSError):  # a file system that has no flock
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    yield  # closing the descriptor ends it


def standing(rows):
    """{id: {reviewer: [decisions that stand, the last one counts]}}; reviewers without any are left out."""
    found = {}
    for row in rows:
        stack = found.setdefault(row.id, {}).setdefault(row.reviewer, [])
        if row.decision != UNDO:
            stack.append(row.decision)
        elif stack:
            stack.pop()
    kept = {id: {name: stack for name, stack in by.items() if stack} for id, by in found.items()}
    return {id: by for id, by in kept.items() if by}


def judged(stands):
    """{id: {reviewer: "accept" or "reject"}} of what stands; slices that were only skipped are left out."""
    found = {id: {name: stack[-1] for name, stack in by.items() if stack[-1] != SKIP} for id, by in stands.items()}
    return {id: by for id, by in found.items() if by}


def resolved(verdicts):
    """{id: "accept" or "reject"}: accepted only where all who judged a slice accept it.

    Our decision: a false positive that one of them saw becomes training data, a slice left out is one of thousands.
    """
    return {id: ACCEPT if set(by.values()) == {ACCEPT} else REJECT for id, by in verdicts.items()}


def decisions(folder):
    """{id: "accept" or "reject"} of a folder's slices that someone has judged, see `resolved`; for stage 2.

    Slices that nobody has judged, or that were only skipped, are not among them.
    """
    return resolved(judged(standing(Ledger(folder).read()[0])))
