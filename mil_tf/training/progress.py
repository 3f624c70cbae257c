"""progress.json: how far a run is and what it took, for whoever looks on; training itself reads nothing in it."""

import math
import time
from pathlib import Path
from typing import NamedTuple

from mil_tf import runs

NAME = runs.PROGRESS


class Progress(NamedTuple):
    """How far a run is.

    Attributes:
        epochs: that are done.
        seconds: all sittings took up to `since`, of the last one's killed epoch none.
        since: when this was written, as time.time() has it.
        loss, ap: of the best epoch on the validation bags, with several classes the mean AP; None while warming up, or
            where there is none.
        failed: why the last sitting ended, where training failed.
    """

    epochs: int = 0
    seconds: float = 0.0
    since: float = 0.0
    loss: float | None = None
    ap: float | None = None
    failed: str = ""


def read(folder):
    """The Progress of the run in a folder; of one that has not begun, or has no such file, the default."""
    try:
        return Progress(**runs.read_json(Path(folder) / NAME))
    except (OSError, ValueError, TypeError):
        return Progress()


def fail(folder, why):
    """Notes why a run failed, in one that has begun."""
    if (Path(folder) / "config.json").exists():
        runs.write_json(Path(folder) / NAME, read(folder)._replace(failed=why)._asdict())


class ProgressFile:
    """Observer of the loop that writes the file, and at once.

    Args:
        folder: of the run.
    """

    def __init__(self, folder):
        self._folder, self._started = Path(folder), time.monotonic()
        self._last = self._before = read(folder)._replace(failed="")
        self.write()

    def epoch(self, state, metrics, timing):
        """Writes how far the run is now."""
        best = state.convergence.best_epoch
        found = _told(state.history[best]) if best >= 0 else (None, None)
        loss, ap = (None if value is None or math.isnan(value) else value for value in found)
        self._last = self._last._replace(epochs=state.epoch + 1, loss=loss, ap=ap)
        self.write()

    def write(self):
        """Writes the time that has passed."""
        seconds = self._before.seconds + time.monotonic() - self._started
        self._last = self._last._replace(seconds=seconds, since=time.time())
        runs.write_json(self._folder / NAME, self._last._asdict())


def _told(epoch):
    """(loss, AP or mean AP) of an epoch of the history."""
    return epoch["validation_loss"], epoch.get("validation_ap", epoch.get("validation_map"))
