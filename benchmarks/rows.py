"""The rows of a benchmark, each a process of its own, driven in turn: what slows the machine down slows all of them.

A row speaks JSON, a line a message: first what it is, or why it cannot be; then, for every number it is sent, what the
repetition of that number took. Nothing here but the standard library, for a row may live in any environment.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


class Absent(Exception):
    """A row that cannot be measured here; the message is its reason."""


def serve(build):
    """The process of a row: prepares it, then does one repetition for every number that comes.

    Args:
        build: function () -> (step, facts); step(index) -> dict of what the repetition found. May raise Absent.
    """
    out, sys.stdout = sys.stdout, sys.stderr  # a library that prints cannot break the protocol

    def tell(message):
        print(json.dumps(message), file=out, flush=True)

    try:
        step, facts = build()
    except (Absent, ImportError) as error:
        tell({"absent": str(error)})
        return
    tell(facts)
    for line in sys.stdin:
        started, worked = time.monotonic(), time.process_time()
        found = step(int(line))
        taken = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - worked}
        tell({**taken, **found, "peak_gib": peak()})


def peak():
    """Peak resident memory of this process in GiB."""
    try:
        # Not getrusage where this exists: a child inherits its parent's peak there.
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


class Row:
    """A running row.

    Args:
        command: list of str, of a process that calls `serve`.

    Attributes:
        facts: what the row tells of itself.

    Raises:
        Absent: the row, or the program that it needs, is not there.
    """

    def __init__(self, command):
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise Absent(f"{command[0]} cannot be run: {error.strerror}") from error
        self.facts = self._hear()
        if "absent" in self.facts:
            self.close()
            raise Absent(self.facts["absent"])

    def ask(self, index):
        """Has repetition `index` done; returns what it found."""
        self._process.stdin.write(f"{index}\n")
        self._process.stdin.flush()
        return self._hear()

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _hear(self):
        line = self._process.stdout.readline()
        if not line:
            raise Absent(f"its process ended with code {self._process.wait()}")
        return json.loads(line)


def measure(commands, repetitions, show=print):
    """Repetitions 1 to `repetitions` of all rows, each of all rows before the next; number 0 goes before, untimed.

    Args:
        commands: {name: command, or an Absent}.
        repetitions: how many.
        show: called with each line of progress.

    Returns:
        ({name: [what repetition 0, 1, ... found]}, {name: facts}, {name: why it is not measured}).
    """
    rows, found, facts, absent = {}, {}, {}, {}
    try:
        for name, command in commands.items():
            try:
                if isinstance(command, Absent):
                    raise command
                row = Row(command)
                rows[name], facts[name] = row, row.facts
                found[name] = [row.ask(0)]
                show(f"{name}: ready, {found[name][0]['seconds']:.1f} s the first time")
            except Absent as reason:
                rows.pop(name, None)
                absent[name] = str(reason)
                show(f"{name}: left out, {reason}")
        for index in range(1, repetitions + 1):
            for name in list(rows):
                _once(rows, name, index, found, absent)
            taken = ", ".join(f"{name} {found[name][-1]['seconds']:.2f} s" for name in rows)
            show(f"repetition {index}/{repetitions}: {taken}")
    finally:
        for row in rows.values():
            row.close()
    return {name: found[name] for name in commands if name in found and name not in absent}, facts, absent


def _once(rows, name, index, found, absent):
    try:
        found[name].append(rows[name].ask(index))
    except (Absent, BrokenPipeError) as reason:
        del rows[name]
        absent[name] = str(reason)
