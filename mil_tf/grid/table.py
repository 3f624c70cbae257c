"""The table of a grid, as lines for people and as grid.csv."""

import collections
import datetime
import os
import socket
from pathlib import Path

from mil_tf import runs
from mil_tf.grid.forecast import elapsed
from mil_tf.grid.rows import DONE, FAILED, LEFT, RUNNING
from mil_tf.training.lengthened import most_epochs
from preprocessing.progress import duration

NAME = "grid.csv"
COLUMNS = (
    "bags", "fold", "seed", "state", "epochs", "validation_loss", "validation_ap", "elapsed_s", "expected_end", "where",
    "why",
)
HEAD = f"{'bags':>6} {'fold':>4} {'seed':>4}  {'state':<24} {'loss':>7} {'AP':>6} {'elapsed':>9}  expected end  where"
STATES = (DONE, RUNNING, "elsewhere", FAILED, LEFT)


def lines(rows, forecast, now, height=None):
    """The table, in lines.

    Args:
        rows: a Row a run.
        forecast: the Forecast of them.
        now: as time.time() has it.
        height: lines that there is room for; where they are too few, runs that are done or left are not shown.
    """
    shown = rows
    if height is not None and len(rows) + 2 > height:
        shown = [row for row in rows if row.state not in (DONE, LEFT)][: max(0, height - 3)]
    folders = {row.run.folder for row in shown}
    hidden = [row for row in rows if row.run.folder not in folders]
    more = [f"       and {counts(hidden)}, not shown"] if hidden else []
    return [summary(rows, forecast, now), HEAD, *(line(row, forecast, now) for row in shown), *more]


def summary(rows, forecast, now):
    """How many runs are in which state, and when all will be done."""
    told = f"{len(rows)} runs: {counts(rows)}"
    if forecast.seconds is None:
        return f"{told}; the time to go is not known before a first epoch"
    if not forecast.seconds:
        return told
    return f"{told}; {duration(forecast.seconds)} to go, until {_clock(now + forecast.seconds, now)}"


def counts(rows):
    """Such as "3 done, 1 running, 8 left"."""
    found = collections.Counter(row.state for row in rows)
    return ", ".join(f"{found[state]} {state}" for state in STATES if found[state]) or "none"


def line(row, forecast, now):
    """A run's line."""
    job, end = row.run.job, forecast.ends.get(row.run.folder)
    seconds = elapsed(row, now)
    best = f"{_number(row.progress.loss, 7, 4)} {_number(row.progress.ap, 6, 3)}"
    times = f"{duration(seconds) if seconds else '':>9}  {_clock(end, now) if end else '':<12}"
    text = f"{job.bags:6d} {job.fold:4d} {job.seed:4d}  {told(row):<24} {best} {times}  {row.why or row.where}"
    return text.rstrip()


def told(row):
    """A run's state with its epoch."""
    epochs, most = row.progress.epochs, most_epochs(row.run.job)
    if row.state in (DONE, FAILED, LEFT):
        return f"{row.state}, {epochs} epoch{'s' * (epochs != 1)}" if epochs else row.state
    return f"{row.state}, epoch {epochs + 1} of {most}" if epochs < most else f"{row.state}, answering"


def write(path, rows, forecast, now):
    """Writes grid.csv as a whole; several processes may do so at a time."""
    mark = f"-{socket.gethostname()}-{os.getpid()}"
    runs.write_table(Path(path), COLUMNS, (_cells(row, forecast, now) for row in rows), mark)


def _cells(row, forecast, now):
    job, found, end = row.run.job, row.progress, forecast.ends.get(row.run.folder)
    iso = datetime.datetime.fromtimestamp(end).astimezone().isoformat(timespec="seconds") if end else ""
    return (
        job.bags, job.fold, job.seed, row.state, found.epochs, found.loss, found.ap, round(elapsed(row, now), 1), iso,
        row.where, row.why,
    )


def _number(value, width, digits):
    return " " * width if value is None else f"{value:{width}.{digits}f}"


def _clock(time, now):
    """The hour, and the day where it is not today."""
    there, here = map(datetime.datetime.fromtimestamp, (time, now))
    return f"{there:%H:%M}" if there.date() == here.date() else f"{there:%H:%M on %a %d %b}"
