"""The live table: redrawn in place on a terminal, a line for each piece of news elsewhere."""

import shutil
import sys
import time

from mil_tf.grid import table
from mil_tf.grid.rows import LEFT

REDRAW_S = 1.0  # our decision
NEWS_S = 60.0  # our decision: between two lines that tell of nothing but epochs


def screen(stream=None):
    """What shows the table on a stream."""
    stream = stream or sys.stdout
    return Terminal(stream) if stream.isatty() else Lines(stream)


class Terminal:
    """Draws the table over the one before."""

    def __init__(self, stream):
        self._stream, self._drawn, self._at = stream, 0, 0.0

    def update(self, rows, forecast, now):
        """Shows the rows, if the last ones have been seen for a while."""
        if time.monotonic() - self._at >= REDRAW_S:
            self._draw(rows, forecast, now)

    def apart(self):
        """Other lines follow; the next table stands below them."""
        self._drawn = 0

    def close(self, rows, forecast, now):
        """Shows the rows for the last time."""
        self._draw(rows, forecast, now)

    def _draw(self, rows, forecast, now):
        width, height = shutil.get_terminal_size()
        lines = [line[: width - 1] for line in table.lines(rows, forecast, now, height - 1)]
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._stream.write(up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        self._stream.flush()
        self._drawn, self._at = len(lines), time.monotonic()


class Lines:
    """Prints the table at the start and at the end, and between them a line for every run whose state changes."""

    def __init__(self, stream):
        self._stream, self._before, self._told = stream, None, 0.0

    def update(self, rows, forecast, now):
        """Prints what is new."""
        if self._before is None:
            self._print(table.lines(rows, forecast, now))
        else:
            self._print(self._news(rows, forecast, now))
        self._before = rows

    def apart(self):
        """Other lines follow."""

    def close(self, rows, forecast, now):
        """Prints the table."""
        self._print(table.lines(rows, forecast, now))

    def _news(self, rows, forecast, now):
        pairs = list(zip(self._before, rows))
        changed = [row for before, row in pairs if row.state != before.state]
        due = time.monotonic() - self._told >= NEWS_S
        epochs = [row for before, row in pairs if row.progress.epochs != before.progress.epochs] if due else []
        found = [f"{row.run.name}: {_told(row)}" for row in changed or epochs if row.state != LEFT]
        return [*found, table.summary(rows, forecast, now)] if found else []

    def _print(self, lines):
        if lines:
            print("\n".join(lines), file=self._stream, flush=True)
            self._told = time.monotonic()


def _told(row):
    best = f", best validation loss {row.progress.loss:.4f}" if row.progress.loss is not None else ""
    return table.told(row) + best + (f": {row.why}" if row.why else "")
