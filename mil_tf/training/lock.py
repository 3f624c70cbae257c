"""One process a run, on machines that share its folder too: a file `lock-<n>` in it, which the holder made.

It names the holder's process and machine, and its time of change is the holder's heartbeat. Whether a holder lives:

- On its own machine the kernel knows: the holder keeps a flock on the file, which ends with the process, however that
  dies.
- Another machine goes by the heartbeat, as over NFS a flock need not reach it: a holder without one for `STALE_S` is
  dead, both times being the file server's. So the run of a machine that failed is free after `STALE_S`.

A file is made with O_EXCL, which is atomic on local disks and on NFS, and the newest is never removed before the run is
finished: a released lock says so, and whoever takes the run then, or after a death, makes `lock-<n+1>`. So of several
one alone gets it. A holder that was not dead but asleep, or cut off from the folder, finds at its next heartbeat that
it was followed, and ends at once. Until then, `BEAT_S` at most, two can be at work: no lock over a network can prevent
that.
"""

import contextlib
import json
import os
import re
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from mil_tf import runs

try:
    import fcntl
except ImportError:  # not everywhere: there the heartbeat decides
    fcntl = None

BEAT_S = 30.0  # our decision
STALE_S = 300.0  # our decision: NFS shows a heartbeat a minute late, and a loaded file server later
LOST = 1  # exit code
RELEASED = "released"  # what stands in a lock that nobody holds any more


class HeldError(runs.RunError):
    """Another process trains this run; the message is one line."""


class Holder(NamedTuple):
    """Who made a lock, and how it was found.

    Attributes:
        path: of the lock.
        text: what stands in it.
        beat: its last heartbeat, in seconds.
        host, process: whose it is.
        alive: whether that process still trains.
        certain: whether the kernel says so, or the heartbeat alone.
    """

    path: Path
    text: str
    beat: float
    host: str
    process: int
    alive: bool
    certain: bool

    def __str__(self):
        return f"process {self.process} on {self.host}"


def holder(folder):
    """The Holder of the run in a folder, or None where nobody trains it."""
    found = _newest(Path(folder))
    return found if found and found.alive else None


@contextlib.contextmanager
def taken(folder):
    """Within it this process alone trains the run in the folder, which must be there.

    Raises:
        HeldError: another process does.
    """
    path, descriptor = _take(Path(folder))
    released = threading.Event()
    beating = threading.Thread(target=_beat, args=(path, released), daemon=True)
    beating.start()
    try:
        yield
    finally:
        released.set()
        beating.join()  # it must not find the lock gone
        _release(path, descriptor)


def locks(folder):
    """The names of the locks in a folder, newest last."""
    try:
        names = [name for name in os.listdir(folder) if re.fullmatch(r"lock-\d+", name)]
    except FileNotFoundError:
        return []
    return sorted(names, key=_number)


def _number(name):
    return int(name.rpartition("-")[2])


def _take(folder):
    before = _newest(folder)
    if before and before.alive:
        raise _held(folder, before)
    path = folder / f"lock-{_number(before.path.name) + 1 if before else 1}"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    except FileExistsError:
        raise _held(folder) from None
    _claim(descriptor)
    if locks(folder)[-1:] != [path.name]:  # what `before` was found among is history
        path.unlink(missing_ok=True)
        os.close(descriptor)
        raise _held(folder)
    for name in locks(folder)[:-2]:  # two, so that whoever lists them meanwhile sees one
        (folder / name).unlink(missing_ok=True)
    return path, descriptor


def _release(path, descriptor):
    if runs.is_finished(path.parent):  # nobody trains it any more, whoever takes it
        for name in locks(path.parent):
            (path.parent / name).unlink(missing_ok=True)
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, RELEASED.encode())
    os.close(descriptor)


def _held(folder, who=None):
    who = who or "another process, which was faster"
    return HeldError(f"{folder} is being trained by {who}; wait for it, or choose another --out.")


def _claim(descriptor):
    """Waits, as one that only looks holds the flock for a moment; none waits for a holder, whose file is not new."""
    kept = False
    if fcntl:
        with contextlib.suppress(OSError):  # a file system that has no flock
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            kept = True
    owner = {"host": socket.gethostname(), "process": os.getpid(), "machine": machine(), "flock": kept}
    os.write(descriptor, json.dumps({**owner, "began": time.time()}).encode())


def _newest(folder):
    names = locks(folder)
    return _read(folder / names[-1]) if names else None


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            text, beat, free = file.read(), os.fstat(file.fileno()).st_mtime, _is_free(file.fileno())
    except FileNotFoundError:  # released this moment
        return None
    owner = json.loads(text) if text.endswith("}") else {}  # one that was just made may be empty
    certain = owner.get("machine") == machine() and owner["flock"] and free is not None
    alive = text != RELEASED and (not free if certain else _now(path.parent) - beat < STALE_S)
    return Holder(path, text, beat, owner.get("host", "?"), owner.get("process", 0), alive, certain)


def _is_free(descriptor):
    """Whether nobody has a flock on the file; None where the file system cannot tell."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, so that those that look do not see each other
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None


def _now(folder):
    """The time by the clock that the folder's files have theirs from."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:  # read-only for us
        return time.time()


def machine():
    """What flocks have in common: the kernel's boot, which containers on it share, or the host's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return socket.gethostname()


def _beat(path, released):
    while not released.wait(BEAT_S):
        try:
            lost = locks(path.parent)[-1:] != [path.name]
            if not lost:
                os.utime(path)
        except OSError:  # a network that is down for a while; whether the run was lost is seen when it is back
            continue
        if lost:
            os.write(2, f"{path.parent}: another process has taken this run, or removed it; stopped at once\n".encode())
            os._exit(LOST)
