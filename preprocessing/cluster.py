"""Scans -> products on a Dask cluster: `preprocessing.workers` on other machines, with the same contract and bytes.

At most `AHEAD` scans a thread of the cluster, and `WAITING` more, are sent and not yet taken, and workers may join and
leave. So a worker of one thread holds the scan that it makes and about one finished bag (at worst all that wait, where
it made them all; Dask moves them to its disk then), and the scheduler and this process one bag each, however many scans
there are. With `--brain native` the peak of a worker was 340 to 380 MB where scans have 40 slices of 512x512, a bag
being 21 MB (a local worker's 300 MB); a slice more is 3 MB more.

The work of a worker that dies is done again by another. A scan that kills every worker that it meets stops the job
and is not left out: a rerun with more memory would include it.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import types

from preprocessing import remote
from preprocessing.errors import UsageError
from preprocessing.product import make
from preprocessing.workers import WAITING, WorkerError, ordered

AHEAD = 2  # one in the making, one on its way there or back (our decision)
CONNECT_S = 10  # our decision; a scheduler answers in milliseconds
NOTICE_S = 10  # without news, until it is asked whether there are workers at all (our decision)
RESUME = "the same command resumes"


@contextlib.contextmanager
def connected(address):
    """A `distributed.Client` as a context.

    Args:
        address: of a running scheduler, such as tcp://node01:8786, or the file that `dask scheduler
            --scheduler-file` has written.

    Raises:
        UsageError: nothing there is a scheduler, or Dask is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--scheduler: Expected Dask: pip install 'mil-tf[cluster]'. Received: none.") from error
    for name in ("distributed", "distributed.client"):  # what goes wrong is told once, by this module
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _refusing(address):
        found = _address(address)
        asyncio.run(_check(found))
        client = distributed.Client(found, timeout=CONNECT_S, set_as_default=False)
    with contextlib.closing(client):
        yield client


def products(scans, settings, outputs, client):
    """Yields (Scan, Product, or the reason why there is none) in the order of the scans.

    Args:
        client: of `connected`.

    Raises:
        WorkerError: a scan killed its workers, a worker cannot do the work, or the scheduler is gone.
    """
    crew = _Crew(client)

    def submit(scan):
        if not all(map(os.path.exists, remote.files(scan))):  # gone since it was found: here the reason is made
            return types.SimpleNamespace(result=lambda: make(scan, settings, outputs))
        return crew.submit(scan.id, remote.make, remote.absolute(scan), settings, outputs, remote.versions())

    yield from ordered(scans, submit, lambda: AHEAD * max(1, crew.threads()) + WAITING)


class _Crew:
    """The cluster's workers, whose troubles become one line."""

    def __init__(self, client):
        self.client, self.address = client, client.scheduler.address
        self.told = False

    def threads(self):
        """How many scans can be made at once now. Says so where it is none, once."""
        with self.explaining("the start"):
            count = sum(self.client.nthreads().values())
        if not count and not self.told:
            print(f"waiting for workers; one starts with: dask worker {self.address} --nthreads 1", file=sys.stderr)
        self.told = not count
        return count

    def submit(self, id, *call):
        """Sends a call for the scan of that id. Returns an object whose `result()` waits for it."""
        with self.explaining(id):
            future = self.client.submit(*call, pure=False)
        return types.SimpleNamespace(result=lambda: self.result(id, future))

    def result(self, id, future):
        """What a call returned."""
        import distributed

        with self.explaining(id):
            while not future.done():
                try:
                    future.exception(NOTICE_S)  # waits only, whatever comes of it
                except distributed.TimeoutError:
                    self.threads()
            return future.result()

    @contextlib.contextmanager
    def explaining(self, id):
        """A context whose errors become WorkerError."""
        import distributed

        try:
            yield
        except WorkerError:
            raise
        except remote.UnfitError as error:
            raise WorkerError(f"a {error}; {RESUME}") from error
        except (distributed.KilledWorker, MemoryError) as error:
            raise WorkerError(
                f"workers died or ran out of memory at or near scan {id}; "
                f"give each more memory or fewer threads; {RESUME}"
            ) from error
        except (distributed.CancelledError, OSError) as error:
            raise WorkerError(f"the scheduler at {self.address} is gone, or dropped the job; {RESUME}") from error
        except Exception as error:
            raise WorkerError(f"the cluster failed at scan {id}: {_told(error)}; {RESUME}") from error


@contextlib.contextmanager
def _refusing(address):
    """A context whose errors become UsageError: whatever answers in another way is no scheduler."""
    try:
        yield
    except Exception as error:
        raise UsageError(
            "--scheduler: Expected the address of a running Dask scheduler, such as tcp://node01:8786, or its file. "
            f"Received: {address!r} ({_told(error)})."
        ) from error


def _address(given):
    if not given.endswith(".json"):
        return given
    with open(given, encoding="utf-8") as file:
        return json.load(file)["address"]


async def _check(address):
    """Raises whatever error where no scheduler answers in time; `distributed.Client` would wait for ever."""
    from distributed.core import rpc
    from distributed.security import Security

    there = rpc(address, timeout=CONNECT_S, connection_args=Security().get_connection_args("client"))
    try:
        kind = (await asyncio.wait_for(there.identity(), CONNECT_S))["type"]
    finally:
        await there.close_rpc()
    if kind != "Scheduler":
        raise ValueError(f"it is a {kind.lower()}")


def _told(error):
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
