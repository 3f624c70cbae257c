"""One line of progress on stderr: how many are done, how fast, how long to go."""

import sys
import time

REFRESH_S = 0.2
QUIET_STEPS = 10  # lines in all where stderr is a file


class Progress:
    """Counts `step()`s up to `total`; redraws one line on a terminal, and prints a line every tenth
    elsewhere.

    `done` were finished by an earlier run, and do not count for the speed.
    """

    def __init__(self, total, done=0, what="scans", stream=None):
        self.total, self.done, self.before, self.what = total, done, done, what
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.start = time.monotonic()
        self.drawn = 0.0
        self.tenth = self._tenth()

    def step(self):
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if self.live and (now - self.drawn > REFRESH_S or self.done == self.total):
            self.drawn = now
            self._write("\r", "\x1b[K")
        elif not self.live and self._tenth() > self.tenth:
            self.tenth = self._tenth()
            self._write("", "\n")

    def close(self):
        """Leaves the line."""
        if self.live and self.drawn:
            self.stream.write("\n")
            self.stream.flush()

    def line(self, elapsed):
        """The text after `elapsed` seconds."""
        rate = (self.done - self.before) / max(elapsed, 1e-9)
        left = (self.total - self.done) / rate if rate else 0
        return f"{self.done}/{self.total} {self.what}, {rate:.1f}/s, {duration(left)} to go"

    def _tenth(self):
        return self.done * QUIET_STEPS // max(1, self.total)

    def _write(self, before, after):
        self.stream.write(before + self.line(time.monotonic() - self.start) + after)
        self.stream.flush()


def duration(seconds):
    """12 s, 3:05 or 2:03:05."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    hours, rest = divmod(seconds, 3600)
    minutes = f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else minutes
