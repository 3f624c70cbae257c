"""When a grid will be done, from what its runs have taken so far.

A run's work is the bags that it passes through: training and validation bags once an epoch, validation and test bags at
the end. What a bag takes is the mean over all epochs that the grid has behind it. How many epochs a run trains is the
mean of the finished runs of its size, else of all finished runs, else `max_epochs`: an upper bound.
"""

import heapq
from typing import NamedTuple

from mil_tf.grid.rows import DONE, ELSEWHERE, LEFT, RUNNING
from mil_tf.training.lengthened import most_epochs


class Forecast(NamedTuple):
    """seconds: until the command is done. ends: {folder: time} of runs under way or to come. None and {}: unknown."""

    seconds: float | None
    ends: dict


def forecast(rows, places, now):
    """The Forecast.

    Args:
        rows: of the grid.
        places: how many runs are trained at a time.
        now: as time.time() has it.
    """
    rate, epochs = _rate(rows), _epochs(rows)
    if rate is None:
        return Forecast(0.0 if not any(row.state in (RUNNING, LEFT) for row in rows) else None, {})
    left = {row.run.folder: _left(row, rate, epochs, now) for row in rows if row.state in (RUNNING, ELSEWHERE, LEFT)}
    ends = {row.run.folder: left[row.run.folder] for row in rows if row.state in (RUNNING, ELSEWHERE)}
    ours = [ends[row.run.folder] for row in rows if row.state == RUNNING]
    free = sorted([*ours, *[0.0] * max(0, places - len(ours))])
    for row in rows:
        if row.state == LEFT:
            ends[row.run.folder] = free[0] + left[row.run.folder]
            heapq.heapreplace(free, ends[row.run.folder])
    return Forecast(max(free, default=0.0), {folder: now + seconds for folder, seconds in ends.items()})


def elapsed(row, now):
    """Seconds that a run has taken, all sittings together."""
    return row.progress.seconds + (max(0.0, now - row.progress.since) if row.holder and row.progress.since else 0.0)


def _rate(rows):
    seconds = sum(row.progress.seconds for row in rows if row.progress.epochs)
    passes = sum(row.run.passes(row.progress.epochs, row.state == DONE) for row in rows if row.progress.epochs)
    return seconds / passes if passes else None


def _epochs(rows):
    """Function of a row: how many epochs its run will have."""
    found = {}
    for row in rows:
        if row.state == DONE and row.progress.epochs:
            found.setdefault(row.run.job.bags, []).append(row.progress.epochs)
    every = [count for counts in found.values() for count in counts]

    def of(row):
        known = found.get(row.run.job.bags) or every or [most_epochs(row.run.job)]
        return max(sum(known) / len(known), row.progress.epochs)

    return of


def _left(row, rate, epochs, now):
    """Seconds; a run that has gone on for longer than was expected is due now."""
    return max(0.0, rate * row.run.passes(epochs(row)) - elapsed(row, now))
