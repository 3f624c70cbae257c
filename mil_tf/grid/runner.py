"""A sitting of a grid: starts what is left wherever there is a place, and keeps the table, until nothing is left."""

import collections
import time
from typing import NamedTuple

from mil_tf.grid import child, table
from mil_tf.grid.forecast import forecast
from mil_tf.grid.rows import ELSEWHERE, LEFT, Board
from mil_tf.training import lock, progress
from mil_tf.training.interrupt import interruption

TICK_S = 1.0  # our decision: what a file server with many sittings on it bears
# How often a run is started in a sitting, where its worker was lost or another process was faster (our decision; Dask
# gives up a task at its fourth death, too).
LIVES = 4


class RefusedError(ValueError):
    """No run of this command can be trained; the message is one line."""


class Outcome(NamedTuple):
    """rows: at the end of a sitting. stopped: whether on request."""

    rows: list
    stopped: bool


class Sitting:
    """Trains the runs of a grid that are not done.

    A run that fails is noted in its folder and in the table, and the others go on; the next sitting tries it again from
    its last checkpoint. A run that another process trains is left to it; at the end one whose holder may be dead is
    watched until its heartbeat or its death shows.

    Args:
        runs: the Runs to train.
        pool: where: `Local` or `Cluster`.
        task_of: Job -> task.
        screen: what shows the table.
        file: path of grid.csv, whose rows are those of `everything`.
        everything: the Runs of the whole grid.
    """

    def __init__(self, runs, pool, task_of, screen, file, everything):
        self._mine = {run.folder for run in runs}
        self._pool, self._task_of, self._screen, self._file = pool, task_of, screen, file
        self._board = Board(everything)
        self._failed, self._starts, self._beats = {}, collections.Counter(), {}
        self._stopping, self._written = False, None

    def run(self):
        """Returns the Outcome when there is nothing more to do here.

        Raises:
            RefusedError: no run of this command can be trained.
            KeyboardInterrupt: Ctrl-C or SIGTERM came a second time; all runs were killed.
        """
        try:
            with interruption() as asked:
                while not self._over(rows := self._turn(asked())):
                    time.sleep(TICK_S)
        finally:
            self._pool.kill()
        self._screen.close(rows, forecast(rows, self._pool.places, time.time()), time.time())
        return Outcome(rows, self._stopping)

    def _turn(self, asked):
        """One look at everything; returns the rows of this sitting's runs."""
        for folder, (became, why) in self._pool.ended():
            self._note(folder, became, why)
        if asked and not self._stopping:
            self._stopping = True
            self._screen.apart()
            self._pool.stop()
        rows = self._rows()
        if not self._stopping and self._start(rows):
            rows = self._rows()
        return self._show(rows)

    def _note(self, folder, became, why):
        if became == child.REFUSED:
            raise RefusedError(why)
        if became == child.LOST and self._starts[folder] >= LIVES:
            became, why = child.FAILED, f"{why}, {LIVES} times"
        if became == child.FAILED:
            self._failed[folder] = why = why.removeprefix(f"{folder}: ")
            if not lock.holder(folder):  # it may have failed because another took it
                progress.fail(folder, why)

    def _rows(self):
        return self._board.rows(self._pool.running(), self._failed)

    def _startable(self, row):
        return row.state == LEFT and row.run.folder in self._mine and self._starts[row.run.folder] < LIVES

    def _start(self, rows):
        """Starts runs; returns how many."""
        found = [row.run for row in rows if self._startable(row)][: self._pool.free()]
        for run in found:
            self._starts[run.folder] += 1
            self._pool.start(run.folder, self._task_of(run.job))
        return len(found)

    def _show(self, rows):
        mine, now = [row for row in rows if row.run.folder in self._mine], time.time()
        found = forecast(mine, self._pool.places, now)
        self._screen.update(mine, found, now)
        changed = [(row.state, row.progress, row.where, row.why) for row in rows]
        if changed != self._written:
            table.write(self._file, rows, found, now)
            self._written = changed
        return mine

    def _over(self, rows):
        if self._pool.running():
            return False
        return self._stopping or not any(self._startable(row) or self._is_doubtful(row) for row in rows)

    def _is_doubtful(self, row):
        """Whether the process that trains a run may be dead: its heartbeat has not moved since it was first seen."""
        if row.state != ELSEWHERE or row.holder.certain:
            return False
        return self._beats.setdefault(row.holder.text, row.holder.beat) == row.holder.beat
