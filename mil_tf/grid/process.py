"""A run in a process of its own, as the process that started it sees it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mil_tf
from mil_tf.grid.child import FAILED, STOPPED

ROOT = Path(mil_tf.__file__).resolve().parent.parent


class Child:
    """A process that trains one run; it has no terminal, so that Ctrl-C is its parent's affair.

    Args:
        task: of `child.task_of`.
        environment: variables that are laid over this process' own.
    """

    def __init__(self, task, environment=None):
        self._out, self._said, self._asked = tempfile.TemporaryFile(), tempfile.TemporaryFile(), False
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mil_tf.grid.child"], stdin=subprocess.PIPE, stdout=self._out, stderr=self._said,
            env={**os.environ, **(environment or {}), "PYTHONPATH": path}, start_new_session=True,
        )
        self.process = self._process.pid
        try:
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it is dead already, and `result` says of what
            pass

    def done(self):
        """Whether it has ended."""
        return self._process.poll() is not None

    def stop(self):
        """Asks it to stop at the next window, with a checkpoint."""
        self._asked = True
        self._process.terminate()

    def kill(self):
        """Ends it at once."""
        self._asked = True
        self._process.kill()

    def result(self):
        """Waits for its end; returns (what became of the run, one line)."""
        code = self._process.wait()
        self._process.stdin.close()
        told, said = _last_line(self._out), _last_line(self._said)
        self._out.close()
        self._said.close()
        if code == 0:
            return tuple(json.loads(told))
        if self._asked:  # before it could hear
            return STOPPED, ""
        died = f"its process was killed by signal {-code}, perhaps for its memory" if code < 0 else "its process died"
        return FAILED, f"{died}: {said}" if said else died


def _last_line(file):
    file.seek(0)
    lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
