"""Columns of a CSV table, every value checked: a metric of a broken table is worse than none.

The first wrong value is named with its file and line.
"""

import csv

import numpy as np

UNKNOWN = -1
READ = ("id", "patient", "y_true", "y_prob", "y_pred", "top_instance", "source_index", "position_mm")


class TableError(ValueError):
    """A table cannot be scored; the message is one line: what was expected, what came, what to do."""


def read_columns(path, required, least=1):
    """Text columns of a CSV by header name, every row as long as the header; empty lines at the end are none.

    Args:
        path: of the table.
        required: names of columns that it must have.
        least: 1 where a table without rows is wrong, 0 where it may have none.

    Returns:
        {name: tuple of texts}.

    Raises:
        TableError: if the file is none, lacks a required column, or has too few rows or one of another length.
    """
    header, rows = _read(path, required)
    missing = [name for name in required if name not in header]
    if missing:
        other = next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None)
        hint = f" separated by {other!r}; separate them by commas" if other else ""
        raise TableError(f"{path}: expected columns {','.join(required)}; missing {','.join(missing)}, "
                         f"received {','.join(header) or 'an empty file'}{hint}.")
    twice = [name for name in dict.fromkeys((*READ, *required)) if header.count(name) > 1]
    if twice:
        raise TableError(f"{path}: expected one column {twice[0]}, received {header.count(twice[0])}.")
    if len(rows) < least:
        raise TableError(f"{path}: expected at least one row under the header, received none.")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TableError(f"{path}, line {line}: expected {len(header)} fields, received {len(row)}.")
    return dict(zip(header, zip(*rows))) if rows else dict.fromkeys(header, ())


def _read(path, required):
    """(header, rows) of a CSV file, with or without a byte order mark, its lines ended in any way."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise TableError(f"{path} does not exist; expected a table of {','.join(required)}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a CSV table: {error}.") from None
    while rows and not rows[-1]:
        rows.pop()
    return [name.strip() for name in header], rows


def names(path, name, texts):
    """Texts of a column without the blanks around them, str (n,); none may be empty."""
    names = np.array([text.strip() for text in texts])
    refuse(path, name, texts, names == "", "a name")
    return names


def numbers(path, name, texts):
    """Finite numbers of a column, float64 (n,)."""
    try:
        values = np.array(texts).astype(np.float64)
    except ValueError:
        values = np.array([_float_or_nan(text) for text in texts])
    refuse(path, name, texts, ~np.isfinite(values), "a finite number")
    return values


def _float_or_nan(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")


def whole_numbers(path, name, texts):
    """Whole numbers of a column, int64 (n,)."""
    values = numbers(path, name, texts)
    refuse(path, name, texts, values != np.round(values), "a whole number")
    return values.astype(np.int64)


def probabilities(path, texts, name="y_prob"):
    """Probabilities of a column, float64 (n,) in [0, 1]."""
    values = numbers(path, name, texts)
    refuse(path, name, texts, (values < 0) | (values > 1), "a probability in [0, 1]")
    return values


def truths(path, texts, unknown=False, name="y_true"):
    """0 or 1 of a column, int64 (n,); with `unknown` an empty cell is UNKNOWN."""
    if unknown:
        texts = [text.strip() or str(UNKNOWN) for text in texts]
    values = numbers(path, name, texts)
    allowed, wanted = ((0, 1, UNKNOWN), "0, 1 or empty") if unknown else ((0, 1), "0 or 1")
    refuse(path, name, texts, ~np.isin(values, allowed), wanted)
    return values.astype(np.int64)


def refuse(path, name, texts, wrong, wanted):
    """Raises TableError at the first True of `wrong` (n,)."""
    if wrong.any():
        received = texts[int(np.argmax(wrong))]
        raise TableError(f"{path}, line {line_of(wrong)}: expected {wanted} as {name}, received {received!r}.")


def refuse_duplicates(path, keys, noun):
    """Raises TableError at the first of `keys` (n,) that was there before."""
    _, first = np.unique(keys, return_index=True)
    if len(first) < len(keys):
        again = np.ones(len(keys), dtype=bool)
        again[first] = False
        raise TableError(f"{path}, line {line_of(again)}: {noun} {keys[again][0]} appears twice; "
                         "expected one row each.")


def line_of(wrong):
    """Line in the file of the first True row: the header is line 1."""
    return int(np.argmax(wrong)) + 2
