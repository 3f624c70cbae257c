"""How a folder of phantoms comes about, whatever they are of: empty folders, then every phantom over processes."""

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

AT_ONCE = 4  # phantoms that a process is handed at once where they are quickly made; our decision


def make_folder(out, force, folders, tables, known=None):
    """Empty folders for a cohort; FileExistsError if `out` has content and force is not given.

    Args:
        out: Path of the cohort.
        folders: names of those that are made.
        tables: names of the files that an earlier cohort has left, removed with `force`.
        known: names of the folders that it may have left; None is `folders`.
    """
    if out.exists() and any(out.iterdir()):
        if not force:
            raise FileExistsError(f"Expected a new folder. {out} is not empty; choose another or pass --force.")
        for name in folders if known is None else known:
            shutil.rmtree(out / name, ignore_errors=True)
        for name in tables:
            (out / name).unlink(missing_ok=True)
    for name in folders:
        (out / name).mkdir(parents=True)


def run(make, tasks, jobs, at_once=1):
    """Yields make(task) of the tasks in their order, over `jobs` processes, `at_once` tasks handed to each."""
    if jobs == 1:
        yield from map(make, tasks)
        return
    # "spawn", because a forked child of a process that runs TensorFlow may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(make, tasks, chunksize=at_once)
