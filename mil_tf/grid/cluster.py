"""Runs on the workers of a Dask cluster, each of which trains one at a time, in a process of its own.

Workers see the folders of data and runs by the same paths. A worker that is gone takes its run's process with it; the
run is started again on another and goes on from its checkpoints. Each task is sent to a worker that has none, so that
one with several threads does not train several runs.
"""

import contextlib
import os
import socket
import sys
import time
import uuid
from typing import NamedTuple

from mil_tf import __version__
from mil_tf.grid.child import FAILED, LOST, REFUSED
from mil_tf.grid.process import Child
from tfrecords.writer import package_version

LIBRARIES = ("tensorflow", "keras", "numpy")  # another version of these may train other bits
POLL_S = 0.5  # our decision
ORDERS = {}  # on a worker: what the runs of a sitting were told, "stop" or "kill"


class ClusterError(RuntimeError):
    """The cluster is gone; the message is one line."""


class _Sent(NamedTuple):
    worker: str
    future: object


class Cluster:
    """Places for runs on the workers of a cluster, which may come and go.

    Args:
        client: of `preprocessing.cluster.connected`.
        seen: a file that every worker must see: where it does not, its folder is another one.
    """

    def __init__(self, client, seen):
        self._client, self._seen, self._sitting = client, os.path.abspath(seen), uuid.uuid4().hex
        self._sent, self._workers, self._told = {}, [], False
        self._look()

    @property
    def places(self):
        """How many runs are trained at a time, at least one."""
        return max(1, len(self._workers))

    def free(self):
        """How many runs can be started now."""
        return len(self._idle())

    def start(self, folder, task):
        """Starts a run on a worker that has none."""
        worker = self._idle()[0]
        call = (work, self._sitting, task, self._seen, versions())
        self._sent[folder] = _Sent(worker, self._ask(lambda client: client.submit(*call, workers=[worker], pure=False)))

    def running(self):
        """{folder: where} of the runs under way."""
        return {folder: f"worker {sent.worker}" for folder, sent in self._sent.items()}

    def ended(self):
        """[(folder, (what became of it, one line))] of the runs that have ended; each is told of once."""
        self._look()
        over = [f for f, sent in self._sent.items() if sent.future.done() or sent.worker not in self._workers]
        return [(folder, self._result(self._sent.pop(folder))) for folder in over]

    def stop(self):
        """Asks all to stop with a checkpoint."""
        self._order("stop")

    def kill(self):
        """Ends all at once."""
        with contextlib.suppress(ClusterError):
            self._order("kill")
        self._sent = {}

    def _order(self, what):
        there = [sent.worker for sent in self._sent.values() if sent.worker in self._workers]
        if there:
            self._ask(lambda client: client.run(obey, self._sitting, what, workers=there, on_error="ignore"))

    def _look(self):
        self._workers = sorted(self._ask(lambda client: client.nthreads()))
        if not self._workers and not self._told:
            address = self._client.scheduler.address
            print(f"waiting for workers; one starts with: dask worker {address} --nthreads 1", file=sys.stderr)
        self._told = not self._workers

    def _idle(self):
        busy = {sent.worker for sent in self._sent.values()}
        return [worker for worker in self._workers if worker not in busy]

    def _result(self, sent):
        if sent.future.status == "finished":
            return tuple(self._ask(lambda client: sent.future.result()))
        error = self._ask(lambda client: sent.future.exception()) if sent.future.status == "error" else None
        if error is None or type(error).__name__ == "KilledWorker":
            sent.future.cancel()
            return LOST, f"worker {sent.worker} is gone"
        return FAILED, f"worker {sent.worker}: {type(error).__name__}: {' '.join(str(error).split())}"

    def _ask(self, question):
        try:
            return question(self._client)
        except Exception as error:  # of many kinds: whatever it is, the scheduler does not answer
            raise ClusterError(
                f"the scheduler at {self._client.scheduler.address} is gone; the same command goes on"
            ) from error


def versions():
    """{name: version} of all that must be the same for a run to have the same bits."""
    return {"mil-tf": __version__} | {name: package_version(name) for name in LIBRARIES}


def work(sitting, task, seen, wanted):
    """On a worker: trains a run in a process of its own; returns (what became of it, one line)."""
    reason = unfit(seen, wanted)
    if reason:
        return REFUSED, f"--scheduler: a worker on {socket.gethostname()} {reason}"
    child, told = Child(task), None
    while not child.done():
        if ORDERS.get(sitting) != told:
            told = ORDERS[sitting]
            getattr(child, told)()
        time.sleep(POLL_S)
    return child.result()


def obey(sitting, what):
    """On a worker: has the runs of a sitting "stop" with a checkpoint, or "kill"ed."""
    ORDERS[sitting] = what


def unfit(seen, wanted):
    """Why this machine cannot train what the command's own would, or ""."""
    for name, version in versions().items():
        if wanted[name] != version:
            return f"has {name} {version}, this machine {wanted[name]}; install the same"
    if not os.path.exists(seen):
        return f"does not see {seen}; give all machines the folder by the same name"
    return ""
