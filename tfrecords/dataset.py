"""`Dataset`: an open folder of bags, that is `dataset.json`, `bags.csv` and, once written, `splits.csv`."""

import collections
import csv
import functools
import json
import operator
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
        self._split_rows, self._parts = None, {}

    @functools.cached_property
    def folds(self):
        """The folds of `splits.csv`, in order."""
        return sorted({fold for _, _, _, fold in self.split_rows()})

    def splits(self, fold):
        """Returns {"train", "validation", "test", "tune": list[BagRow] in the order of bags.csv} of one fold.

        Raises DatasetError where the fold is not in `splits.csv`, or a patient is in two of its splits.
        """
        if fold not in self.folds:
            raise DatasetError(f"{self.folder / SPLITS}: Expected a fold of {self.folds}. Received: {fold}.")
        if fold not in self._parts:
            self._parts[fold] = self._split(fold)
        return {name: list(rows) for name, rows in self._parts[fold].items()}

    def _split(self, fold):
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
        id, patient, label, n, shard, offset, length = row
        try:
            bag = BagRow(id, patient, tuple(map(int, label.split())), int(n), shard, int(offset), int(length))
        except (ValueError, AttributeError, TypeError) as error:
            raise DatasetError(f"{path}, line {line}: Expected whole numbers. Received: {row}.") from error
        rows.append(bag)
    return rows


def read_splits(path):
    """Returns the rows (id, patient, split, fold) of a `splits.csv`."""
    if not path.exists():
        raise DatasetError(
            f"{path} is missing; write it with `python -m preprocessing split --data {path.parent}`."
        )
    rows = []
    for line, (id, patient, split, fold) in _table(path, SPLIT_COLUMNS):
        if split not in SPLIT_NAMES or not (fold or "").isdecimal():
            raise DatasetError(
                f"{path}, line {line}: Expected one of {', '.join(SPLIT_NAMES)} and a fold. "
                f"Received: {split!r}, fold {fold!r}."
            )
        rows.append((id, patient, split, int(fold)))
    return rows


def split_problems(rows, by_id):
    """Yields one line for each row of a split that names an unknown bag, another patient, or a bag twice in a
    fold.
    """
    seen = collections.defaultdict(set)
    for id, patient, _, fold in rows:
        known, before = by_id.get(id), seen[fold]
        if known is None:
            yield f"bag {id} is not in {BAGS}"
        elif known.patient != patient:
            yield f"bag {id} is of patient {patient} here, of patient {known.patient} in {BAGS}"
        if id in before:
            yield f"bag {id} is twice in fold {fold}"
        before.add(id)


def leaking_patients(rows, fold):
    """One line for each patient who is in more than one split of a fold."""
    first = {}
    mine = [(patient, split) for _, patient, split, row_fold in rows if row_fold == fold]
    found = {patient: set() for patient, split in mine if first.setdefault(patient, split) != split}
    for patient, split in mine if found else ():
        if patient in found:
            found[patient].add(split)
    return [f"patient {patient} is in {' and '.join(sorted(names))}" for patient, names in found.items()]


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
    """Yields (line number, values of these columns, None where a line is too short) of a CSV file."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [name for name in columns if name not in header]
            if missing:
                raise DatasetError(
                    f"{path}: Expected columns {','.join(columns)}. Received: {','.join(header)}."
                )
            places = [header.index(name) for name in columns]
            take = operator.itemgetter(*places)
            for row in reader:
                if len(row) > max(places):
                    yield reader.line_num, take(row)
                elif row:
                    yield reader.line_num, tuple(row[place] if place < len(row) else None for place in places)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read: {error}.") from error
