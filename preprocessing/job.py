"""What every job that makes bags has in common: how it writes, resumes, is stopped, and what it tells of itself."""

import contextlib
import json
import os
import signal
import sys

from preprocessing import workers
from preprocessing.errors import UsageError
from preprocessing.progress import Progress
from tfrecords.dataset import INFO
from tfrecords.errors import DatasetError
from tfrecords.writer import write_bytes

INTERRUPTED = 130  # what a shell reports after Ctrl-C


def ended(command, run, args):
    """Runs `run(args)`; returns its exit code, 2 where it could not start or go on, or INTERRUPTED.

    Args:
        command: its name, for messages.
        args: of the command; `out` is its folder.
    """
    try:
        with _term_as_interrupt():
            return run(args)
    except (UsageError, DatasetError, workers.WorkerError) as error:
        print(f"python -m preprocessing {command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"python -m preprocessing {command}: {error}; the same command resumes.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. Whole shards in {args.out} are kept; the same command resumes.", file=sys.stderr)
        return INTERRUPTED


def write(writer, scans, products, what="scans"):
    """Writes the shards that are not whole yet.

    Args:
        writer: a DatasetWriter.
        scans: all that the job has, with an `id` and a `path`.
        products: function of a list of scans -> generator of (scan, Product or a reason), as
            `preprocessing.workers.products`.
        what: they are called.
    """
    by_id = {scan.id: scan for scan in scans}
    wanted = [by_id[id] for index in writer.pending for id in writer.shards[index]]
    progress = Progress(len(scans), len(scans) - len(wanted), what)
    with contextlib.closing(products(wanted)) as made:
        for index in writer.pending:
            with writer.shard(index) as shard:
                for _ in writer.shards[index]:
                    _write(shard, writer.folder, *next(made))
                    progress.step()
    progress.close()


def report(out, info, instances="slices"):
    """Prints what came out; returns 1 where nothing did."""
    counts, classes = info["counts"], info.get("classes", [])
    found = ", ".join(f"{count} {name}" for count, name in zip(counts["positive"], classes))
    found = found if len(classes) > 1 else f"{sum(counts['positive'])} positive"
    print(
        f"{counts['bags']} bags ({found}) of {counts['patients']} patients, "
        f"{counts['instances']} {instances}, {len(info['shards'])} shards in {out}"
    )
    if counts["rejected"]:
        print(f"{counts['rejected']} rejected: see {os.path.join(out, 'rejected.csv')}")
    return 0 if counts["bags"] else 1


def is_done(folder, wanted):
    """Whether a folder holds what a job with this hash of its plan makes."""
    try:
        with open(os.path.join(folder, INFO), encoding="utf-8") as file:
            return json.load(file).get("plan") == wanted
    except (OSError, ValueError, AttributeError):
        return False


def _write(shard, folder, scan, product):
    if isinstance(product, str):
        shard.reject(scan.id, scan.path, product)
        return
    for name, data in product.files.items():
        write_bytes(folder / name, data)
    if product.left_out:
        shard.reject(scan.id, scan.path, product.left_out)
    for bag in product.bags:
        shard.write(bag, planned=scan.id)


@contextlib.contextmanager
def _term_as_interrupt():
    """A SIGTERM, which a batch system sends before it kills, ends as Ctrl-C does."""
    if not hasattr(signal, "SIGTERM"):
        yield
        return
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread, where no signal arrives
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
