"""From repetitions to a table: rates with their spread, and their ratios to named rows."""

import csv
import statistics

# The columns that every table begins with.
COLUMNS = ("row", "rate", "rate_low", "rate_high", "repetitions")


def table(found, absent, work, references, extra=()):
    """The rows of the table, in the order measured, then those left out.

    The ratio of two rows is taken in each repetition, where both had the same machine; its median and its extremes
    are told.

    Args:
        found: {name: [what repetition 0, 1, ... found]}, of `benchmarks.rows.measure`; number 0 is not counted.
        absent: {name: why it is not measured}.
        work: what a repetition does, in the rate's unit.
        references: {column: name of the row that it is the ratio to}.
        extra: names of what repetitions found whose last value becomes a column.

    Returns:
        list of dicts, all with the same columns.
    """
    rates = {name: [work / each["seconds"] for each in replies[1:]] for name, replies in found.items()}
    return [
        *(_row(name, rates, references) | {key: found[name][-1].get(key, "") for key in extra} | {"note": ""}
          for name in found),
        *(_row(name, {name: []}, references) | dict.fromkeys(extra, "") | {"note": reason}
          for name, reason in absent.items()),
    ]


def _row(name, rates, references):
    row = dict(zip(COLUMNS, (name, *spread(rates[name]), len(rates[name]))))
    for column, other in references.items():
        ratios = [mine / theirs for mine, theirs in zip(rates[name], rates.get(other, []))]
        row |= dict(zip((column, f"{column}_low", f"{column}_high"), spread(ratios)))
    return row


def spread(values):
    """(median, least, greatest), rounded to 4 digits; three times "" without values."""
    if not values:
        return "", "", ""
    return tuple(float(f"{value:.4g}") for value in (statistics.median(values), min(values), max(values)))


def text(rows, headings):
    """The table for a terminal: medians with [least, greatest] beside them.

    Args:
        rows: of `table`.
        headings: {column: heading}.
    """
    cells = [list(headings.values()), *([_cell(row, column) for column in headings] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def _cell(row, column):
    value = row[column]
    if value == "" or f"{column}_low" not in row:
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{value:.3g} [{row[f'{column}_low']:.3g}, {row[f'{column}_high']:.3g}]"


def write(path, rows, facts):
    """Writes the rows as CSV, `facts` (machine, versions, commit, sizes) beside each."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], *facts])
        writer.writeheader()
        writer.writerows({**row, **facts} for row in rows)


def machine():
    """Processor, cores and commit, of `mil_tf.runs`."""
    from mil_tf.runs import environment

    facts = environment()
    return {
        "processor": facts["hardware"]["processor"], "cores": facts["hardware"]["cores"], "commit": facts["commit"],
    }
