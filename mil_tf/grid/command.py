"""What train.py does where it is asked for several runs."""

import contextlib
import os
import sys
import time
from pathlib import Path

from mil_tf import runs
from mil_tf.grid import table
from mil_tf.grid.child import task_of
from mil_tf.grid.forecast import forecast
from mil_tf.grid.jobs import runs_of
from mil_tf.grid.local import Local, environments
from mil_tf.grid.rows import DONE, ELSEWHERE, FAILED, RUNNING, Board
from mil_tf.grid.runner import RefusedError, Sitting
from mil_tf.grid.screen import screen
from mil_tf.options import OptionError
from mil_tf.training.identity import facts, refuse_another

STOPPED = 130  # the shell's code for a command that SIGINT ended


def check(given):
    """Raises OptionError where the arguments contradict each other."""
    if given.jobs is not None and given.jobs < 1:
        raise OptionError(f"--jobs: Expected at least 1. Received: {given.jobs}.")
    for one, other in (("jobs", "scheduler"), ("jobs", "strategy"), ("scheduler", "strategy")):
        if getattr(given, one) is not None and getattr(given, other) is not None:
            raise OptionError(f"--{one}: Expected none with --{other}. Received: both.")


def is_grid(given, everything):
    """Whether the arguments ask for more than one run, or for one as a grid's."""
    return given.strategy is None and (len(everything) > 1 or any((given.shard, given.jobs, given.scheduler)))


def show_status(jobs, dataset, out):
    """Prints the table of the jobs as they are now; returns 0. Raises RunError as a sitting would."""
    found = runs_of(jobs, dataset, out)
    _refuse_others(found, dataset)
    rows, now = Board(found).rows(), time.time()
    places = max(1, sum(row.state == RUNNING for row in rows))
    print("\n".join(table.lines(rows, forecast(rows, places, now), now)))
    return 0


def train_grid(given, mine, everything, dataset):
    """Trains the jobs `mine` of the grid `everything`, goes on with those begun and leaves those finished.

    Returns the exit code: 0, all of them are done; 1, some failed or are another process'; 2, no run of this command
    can be trained; 130, stopped.
    """
    from mil_tf.grid.cluster import ClusterError

    whole = runs_of(everything, dataset, given.out)
    _refuse_others(whole, dataset)
    file = Path(given.out) / given.recipe / table.NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _pool(given, file) as (pool, folder):
            tasks = lambda job: task_of(job, folder(given.data), folder(given.out))  # noqa: E731
            outcome = Sitting(runs_of(mine, dataset, given.out), pool, tasks, screen(), file, whole).run()
    except (RefusedError, ClusterError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2 if isinstance(error, RefusedError) else 1
    return _end(outcome)


def _refuse_others(whole, dataset):
    """Raises RunError where a folder holds a run of other settings or data, which would else count as done."""
    for run in whole:
        if (run.folder / "config.json").exists():
            before, now = runs.read_config(run.folder), facts(run.job, dataset)
            if now["options"].get("scoring") == "auto":  # what it stands for is the affair of who trains
                now["options"] = {**now["options"], "scoring": before["options"].get("scoring")}
            refuse_another(run.folder, before, now)


@contextlib.contextmanager
def _pool(given, file):
    """(where runs are trained, how folders are named there)."""
    if given.scheduler is None:
        yield Local(environments(given.jobs)), str
        return
    from mil_tf.grid.cluster import Cluster
    from preprocessing.cluster import connected

    with connected(given.scheduler) as client:
        file.touch()  # what workers must see
        yield Cluster(client, file), os.path.abspath


def _end(outcome):
    """Tells what is not done; returns the exit code."""
    undone = [row for row in outcome.rows if row.state != DONE]
    for row in undone:
        if row.state == FAILED:
            print(f"train.py: {row.run.name} failed: {row.why}", file=sys.stderr)
    if outcome.stopped:
        print(f"train.py: stopped, {len(undone)} runs are left; the same command goes on with them", file=sys.stderr)
        return STOPPED
    others = sum(row.state == ELSEWHERE for row in undone)
    if others:
        print(f"train.py: {others} runs go on in other processes; --status tells how far they are", file=sys.stderr)
    return 1 if undone else 0
