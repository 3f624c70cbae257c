"""Benchmarks whose runs come in turn, so that what slows the machine down slows all of them; and fresh processes."""

import csv
import json
import statistics
import subprocess
import sys


def child(script, *args, prefix=(), **more):
    """Runs a script in a fresh process; returns what it prints last, as JSON.

    Args:
        script: its path, or "-m" with the module as the first of `args`.
        prefix: words before the interpreter.
        more: for `subprocess.run`.
    """
    command = [*prefix, sys.executable, str(script), *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **more)
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(runs, repetitions, show=lambda line: print(line, file=sys.stderr, flush=True)):
    """Repetitions 1 to `repetitions` of all runs, each of all runs before the next.

    Args:
        runs: {name: function () -> {measure: number}}.

    Returns:
        {name: [what repetition 1, 2, ... found]}.
    """
    found = {name: [] for name in runs}
    for index in range(1, repetitions + 1):
        for name, run in runs.items():
            found[name].append(run())
            told = ", ".join(f"{key} {value:.4g}" for key, value in found[name][-1].items())
            show(f"repetition {index}/{repetitions}, {name}: {told}")
    return found


def spread(values):
    """(median, least, greatest), rounded to 4 digits."""
    return tuple(float(f"{value:.4g}") for value in (statistics.median(values), min(values), max(values)))


def row(facts, repetitions, references=None):
    """A row of a table: facts, then median and extremes of every measure and of every ratio to another row's.

    A ratio is taken in each repetition, where both had the same machine.

    Args:
        facts: {column: value} that names the row.
        repetitions: [{measure: number}].
        references: {column: (measure, the repetitions of the row that it is the ratio to)}.
    """
    columns = {key: [each[key] for each in repetitions] for key in repetitions[0]}
    for name, (measure, others) in (references or {}).items():
        columns[name] = [mine[measure] / other[measure] for mine, other in zip(repetitions, others)]
    found = {**facts, "repetitions": len(repetitions)}
    for name, values in columns.items():
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), spread(values)))
    return found


def text(rows):
    """The rows for a terminal: medians with [least, greatest] beside them."""
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    cells = [names, *([_cell(each, name) for name in names] for each in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def _cell(found, name):
    if f"{name}_low" not in found:
        return str(found[name])
    return f"{found[name]:.4g} [{found[f'{name}_low']:.4g}, {found[f'{name}_high']:.4g}]"


def report(rows, out=None):
    """Prints the rows and the machine; writes them as CSV where `out` is given.

    Raises ValueError where a row has a column that the machine has too.
    """
    facts = machine()
    both = sorted(set(rows[0]) & set(facts))
    if both:
        raise ValueError(f"Expected rows without the machine's columns. Received: {both}")
    print(text(rows))
    print("  ".join(f"{name} {value}" for name, value in facts.items()))
    if out:
        with open(out, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0], *facts])
            writer.writeheader()
            writer.writerows({**each, **facts} for each in rows)


def machine():
    """Processor, cores, versions and commit."""
    from mil_tf.runs import environment

    found = environment()
    return {
        "processor": found["hardware"]["processor"], "cores": found["hardware"]["cores"],
        "python": found["versions"]["python"], "tensorflow": found["versions"]["tensorflow"], "commit": found["commit"],
    }
