"""Answers scan by scan: a bad scan is told about and left out, the others go on."""

import sys

from mil_tf import runs
from mil_tf.prediction import files
from mil_tf.prediction.answer import answer
from mil_tf.prediction.back import write_map
from mil_tf.prediction.scans import TABLES
from preprocessing.errors import ScanError, UsageError
from preprocessing.progress import Progress


def make_room(out, ids, force, suffixes=files.SUFFIXES):
    """Makes the folder of the answers; with `force`, removes old ones, so that none outlives its scan.

    Args:
        suffixes: of the files that an answer has, after the id.

    Raises:
        UsageError: answers are there and `force` is off, or a file is in the way.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out: Expected a folder. Received: {out}, which is a file.")
    wanted = [out / f"{table}.csv" for table in TABLES]
    wanted += [out / f"{id}{suffix}" for id in ids for suffix in suffixes]
    there = [path for path in wanted if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already; give another --out, or --force to write over it.")
    for path in there:
        path.unlink()
    out.mkdir(parents=True, exist_ok=True)


def predict_all(scans, rejected, model, settings, out, maps=False):
    """Answers every scan; both tables are whole after each of them, so that a stop loses nothing.

    Args:
        scans: [(id, path)].
        rejected: [(id, path, reason)] of what cannot be predicted in any case.
        model: a loaded ExportedModel.
        settings: CtSettings.
        out: the folder of the answers.
        maps: whether probabilities are also written as volumes on the scans' voxels.

    Returns:
        (how many were answered, how many rejected).
    """
    def written(id, found):
        row = _write(found, model, settings, out)
        if maps:
            write_map(out / f"{id}{files.MAP}", found.bag, found.probability)
        return row

    columns = files.summary_columns(model)
    return each(scans, rejected, out, columns, lambda id, path: answer(path, id, model, settings), written)


def each(scans, rejected, out, columns, answered, written, what="scans"):
    """Answers one after the other and keeps the tables over them.

    Args:
        scans, rejected, out: as of `predict_all`.
        columns: of `predictions.csv`.
        answered: function (id, path) -> an answer; whatever it raises is the reason of a rejection.
        written: function (id, answer) -> the row of `predictions.csv`, its files being written.
        what: is counted.

    Returns:
        (how many were answered, how many rejected).
    """
    rows, rejected, progress = [], list(rejected), Progress(len(scans), what=what)
    for id, _, reason in rejected:
        tell(f"{id}: rejected: {reason}")
    _write_tables(out, columns, rows, rejected)
    for id, path in scans:
        found = _or_reason(answered, id, path)
        if isinstance(found, str):
            tell(f"{id}: rejected: {found}")
            rejected.append((id, str(path), found))
        else:
            rows.append(written(id, found))
        _write_tables(out, columns, rows, rejected)
        progress.step()
    progress.close()
    return len(rows), len(rejected)


def _or_reason(answered, id, path):
    """The answer, or the reason in one line; whatever a scan does to the code, the others go on."""
    try:
        return answered(id, path)
    except ScanError as error:
        return str(error)
    except MemoryError:
        return "not enough memory for this scan"
    except Exception as error:
        return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def _write(found, model, settings, out):
    # Here and not above: matplotlib is slow to load, and of no use to a command that is refused.
    from mil_tf.prediction.sheet import write_sheet

    for text in found.warnings:
        tell(f"{found.id}: WARNING: {text}")
    files.write_slices(out / f"{found.id}.csv", found)
    write_sheet(out / f"{found.id}.png", found)
    if found.maps is not None:
        write_map(out / f"{found.id}{files.HEAT}", found.bag, found.maps)
    files.write_json(out / f"{found.id}.json", found, model, settings)
    return files.summary_row(found)


def _write_tables(out, columns, rows, rejected):
    runs.write_table(out / "predictions.csv", columns, rows)
    runs.write_table(out / "rejected.csv", files.REJECTED, rejected)


def tell(line):
    """Prints a line on stderr at once."""
    print(line, file=sys.stderr, flush=True)
