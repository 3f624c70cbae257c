"""`Dataset`: an open folder of bags, that is `dataset.json`, `bags.csv` and, once written, `splits.csv`."""

import csv
import json
from pathlib import Path

from tfrecords.bag import BagRow
from tfrecords.errors import DatasetError
from tfrecords.schema import SCHEMA_VERSION

INFO, BAGS, REJECTED, SPLITS, PLAN = "dataset.json", "bags.csv", "rejected.csv", "splits.csv", "plan.json"
SPLIT_NAMES = ("train", "validation", "test", "tune")
SPLIT_COLUMNS = ("id", "patient", "split", "fold")


class Dataset:
    """A finished folder of bags, read once and never written.

    Raises:
        DatasetError: the folder is none, is unfinished, or its tables cannot be read.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.info = _read_info(self.folder)
        self.rows = read_bags(self.folder)
        self.by_id = {row.id: row for row in self.rows}
        self._split_rows = None

    @property
    def folds(self):
        """The folds of `splits.csv`, in order."""
        return sorted({fold for _, _, _, fold in self.split_rows()})

    def splits(self, fold):
        """Returns {"train", "validation", "test", "tune": list[BagRow] in the order of bags.csv} of one fold.

        Raises DatasetError where the fold is not in `splits.csv`, or a patient is in two of its splits.
        """
        if fold not in self.folds:
            raise DatasetError(f"{self.folder / SPLITS}: Expected a fold of {self.folds}. Received: {fold}.")
        split_of = {id: split for id, _, split, row_fold in self.split_rows() if row_fold == fold}
        leaks = leaking_patients(self.split_rows(), fold)
        if leaks:
            raise DatasetError(
                f"{self.folder / SPLITS}, fold {fold}: {leaks[0]}; write the splits again, patients apart."
            )
        parts = {name: [] for name in SPLIT_NAMES}
        for row in self.rows:
            if row.id in split_of:
                parts[split_of[row.id]].append(row)
        return parts

    def split_rows(self):
        """Returns the rows (id, patient, split, fold) of `splits.csv`, each checked against `bags.csv`."""
        if self._split_rows is None:
            rows = read_splits(self.folder / SPLITS)
            problem = next(split_problems(rows, self.by_id), None)
            if problem:
                raise DatasetError(
                    f"{self.folder / SPLITS}: {problem}; write the splits again for these bags."
                )
            self._split_rows = rows
        return self._split_rows


def read_bags(folder):
    """Returns the rows of `bags.csv` as BagRows, in file order, which is the order in the shards."""
    path = Path(folder) / BAGS
    rows = []
    for line, row in _table(path, BagRow._fields):
        try:
            label = tuple(int(value) for value in row["label"].split())
            numbers = [int(row[name]) for name in ("n", "offset", "length")]
        except (ValueError, AttributeError, TypeError) as error:
            raise DatasetError(
                f"{path}, line {line}: Expected whole numbers. Received: {list(row.values())}."
            ) from error
        rows.append(BagRow(row["id"], row["patient"], label, numbers[0], row["shard"], *numbers[1:]))
    return rows


def read_splits(path):
    """Returns the rows (id, patient, split, fold) of a `splits.csv`."""
    if not path.exists():
        raise DatasetError(
            f"{path} is missing; write it with `python -m preprocessing split --data {path.parent}`."
        )
    rows = []
    for line, row in _table(path, SPLIT_COLUMNS):
        if row["split"] not in SPLIT_NAMES or not (row["fold"] or "").isdecimal():
            received = f"{row['split']!r}, fold {row['fold']!r}"
            raise DatasetError(
                f"{path}, line {line}: Expected one of {', '.join(SPLIT_NAMES)} and a fold. "
                f"Received: {received}."
            )
        rows.append((row["id"], row["patient"], row["split"], int(row["fold"])))
    return rows


def split_problems(rows, by_id):
    """Yields one line for each row of a split that names an unknown bag, another patient, or a bag twice in a
    fold.
    """
    seen = set()
    for id, patient, _, fold in rows:
        if id not in by_id:
            yield f"bag {id} is not in {BAGS}"
        elif by_id[id].patient != patient:
            yield f"bag {id} is of patient {patient} here, of patient {by_id[id].patient} in {BAGS}"
        if (id, fold) in seen:
            yield f"bag {id} is twice in fold {fold}"
        seen.add((id, fold))


def leaking_patients(rows, fold):
    """One line for each patient who is in more than one split of a fold."""
    found = {}
    for _, patient, split, row_fold in rows:
        if row_fold == fold:
            found.setdefault(patient, set()).add(split)
    return [
        f"patient {patient} is in {' and '.join(sorted(names))}"
        for patient, names in found.items()
        if len(names) > 1
    ]


def _read_info(folder):
    path = folder / INFO
    if not path.exists():
        if (folder / PLAN).exists():
            raise DatasetError(
                f"{folder} is unfinished; run the command that was writing it again, and it resumes."
            )
        raise DatasetError(f"Expected a folder with a {INFO}. Received: {folder}.")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path}: Expected JSON. Received: {error}.") from error
    if not isinstance(info, dict) or info.get("schema") != SCHEMA_VERSION:
        found = info.get("schema") if isinstance(info, dict) else info
        raise DatasetError(
            f"{path}: Expected schema {SCHEMA_VERSION}. Received: {found!r}; preprocess again."
        )
    return info


def _table(path, columns):
    """Yields (line number, row) of a CSV file that has these columns."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(
                    f"{path}: Expected columns {','.join(columns)}. "
                    f"Received: {','.join(reader.fieldnames or ())}."
                )
            for row in reader:
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read: {error}.") from error
