"""Scans -> products on all cores, in order, with bounded memory, and without TensorFlow in the workers.

Each worker holds one scan, and no more than `jobs` + 2 bags wait at any time, so that memory follows the
number of cores and not of scans.
"""

import collections
import concurrent.futures
import multiprocessing
import os
import signal
import threading

from preprocessing.product import make

WAITING = 2  # bags beyond one a worker, so that none idles while the parent writes


class WorkerError(RuntimeError):
    """A worker died or ran out of memory; the message is one line that says what to do."""


def products(scans, settings, outputs, jobs, making=None):
    """Yields (Scan, Product, or the reason why there is none) in the order of the scans.

    Args:
        making: the function that makes one, `preprocessing.product.make` or one like it.

    Raises:
        WorkerError: a worker is gone: the job stops rather than leave out a scan that a rerun would include.
    """
    making = making or make
    if jobs == 1:
        yield from ((scan, _guarded(making, scan, settings, outputs)) for scan in scans)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the parent's TensorFlow and its locks
    pool = concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_initialize)
    try:
        yield from ordered(scans, lambda scan: pool.submit(making, scan, settings, outputs), lambda: jobs + WAITING)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def ordered(scans, submit, waiting):
    """Yields (Scan, result) in order, with at most `waiting()` of them submitted and not yet taken.

    Args:
        submit: Scan -> an object whose `result()` waits for what became of it.
        waiting: tells how many; asked again after every result, as workers may come and go.
    """
    queue = collections.deque()
    scans = iter(scans)
    while True:
        most = waiting()
        while len(queue) < most and (scan := next(scans, None)) is not None:
            queue.append((scan, _guarded(submit, scan)))
        if not queue:
            return
        scan, future = queue.popleft()
        yield scan, _guarded(future.result, scan=scan)


def _guarded(call, *args, scan=None):
    scan = scan or args[0]
    try:
        return call(*args)
    except (concurrent.futures.BrokenExecutor, MemoryError) as error:
        died = (
            "ran out of memory" if isinstance(error, MemoryError) else "died, perhaps killed for its memory,"
        )
        raise WorkerError(
            f"a worker {died} at or near scan {scan.id}; run the same command with fewer --jobs to resume"
        ) from error


def _initialize():
    # Ctrl-C reaches the whole group of processes; the parent alone answers it, so that there is one message.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent():
    """A parent that was killed cannot tell its workers; they would wait for work for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)
