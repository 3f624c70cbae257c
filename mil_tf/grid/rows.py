"""What the folders of a grid's runs say: one row a run. It holds after a kill, as nothing else is remembered."""

from typing import NamedTuple

from mil_tf import runs
from mil_tf.grid.jobs import Run
from mil_tf.training import lock, progress

DONE, RUNNING, ELSEWHERE, FAILED, LEFT = "done", "running", "elsewhere", "failed", "left"


class Row(NamedTuple):
    """A run as it is.

    Attributes:
        run: a Run.
        state: one of DONE, RUNNING, ELSEWHERE (by another process than the one that asks), FAILED, LEFT.
        progress: a Progress.
        where: who trains it.
        why: it failed.
        holder: the Holder of its lock; None before its process has begun.
    """

    run: Run
    state: str
    progress: progress.Progress
    where: str = ""
    why: str = ""
    holder: lock.Holder | None = None


class Board:
    """The rows of a grid, read anew whenever they are asked for; a run that is done stays so.

    Args:
        runs: the grid's, in their order.
    """

    def __init__(self, runs):
        self._runs, self._done = runs, {}

    def rows(self, running=None, failed=None):
        """A Row a run.

        Args:
            running: {folder: where} of the runs that the asking command trains; None where it trains none.
            failed: {folder: why} of those that failed since it began; None takes what the folders say of before.
        """
        return [self._done.get(run.folder) or self._row(run, running, failed) for run in self._runs]

    def _row(self, run, running, failed):
        if runs.is_finished(run.folder):
            return self._done.setdefault(run.folder, Row(run, DONE, progress.read(run.folder)))
        found, holder = progress.read(run.folder), lock.holder(run.folder)
        if running and run.folder in running:
            return Row(run, RUNNING, found, running[run.folder], holder=holder)
        if holder:
            return Row(run, RUNNING if running is None else ELSEWHERE, found, str(holder), holder=holder)
        why = found.failed if failed is None else failed.get(run.folder, "")
        return Row(run, FAILED if why else LEFT, found, why=why)
