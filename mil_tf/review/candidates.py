"""What there is to judge: a folder of slices, each with a model's segmentation.

    FOLDER/candidates.csv      id, patient, label: names of the slice's classes joined by ";", nothing where it is known
                               to be healthy
    FOLDER/candidates.json     classes: names in the order of the predictions' values 1 to K; made_by: what made the
                               predictions, in words; spacing: mm between rows and between columns, or null
    FOLDER/candidates/ID.npz   slice: float16 (h, w) HU; prediction: uint8 (h, w), 0 none, 1 to K; perhaps spacing:
                               float32 (2,), where it is not that of candidates.json

ID stands in file names as `urllib.parse.quote(ID, safe="")` writes it. A folder belongs to one round of predictions:
once decisions were made in it, its slices and predictions stay as they are.
"""

import csv
import os
import unicodedata
import zipfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from mil_tf import runs

TABLE, INFO, SLICES, DECISIONS = "candidates.csv", "candidates.json", "candidates", "decisions.csv"
COLUMNS = ("id", "patient", "label")
JOINED = ";"
LONGEST = 240  # bytes of a file name: most file systems take 255, with ".npz" and the mark of a file that is written


class CandidateError(ValueError):
    """A folder, table or slice that cannot be used; the message is one line."""


class Candidate(NamedTuple):
    """A row of candidates.csv; `label` is a tuple of class names, empty where the slice is known to be healthy."""

    id: str
    patient: str
    label: tuple


class Table(NamedTuple):
    """What a folder offers: `rows` is {id: Candidate} in the table's order, `spacing` (mm, mm) or None."""

    folder: Path
    classes: tuple
    made_by: str
    spacing: tuple | None
    rows: dict


class Shown(NamedTuple):
    """A slice as the page shows it: `hu` float16 (h, w), `prediction` uint8 (h, w), `spacing` (mm, mm) or None."""

    hu: np.ndarray
    prediction: np.ndarray
    spacing: tuple | None


def path_of(folder, id):
    """Where the slice of an id lies."""
    return Path(folder) / SLICES / f"{quote(id, safe='')}.npz"


def plain_text(text, what):
    """The text as it came, if it can stand in one field of one line of a file.

    Raises:
        CandidateError: it is empty, or holds line breaks or other control characters.
    """
    if not isinstance(text, str) or not text.strip():
        raise CandidateError(f"Expected {what} that is not empty. Received: {text!r}.")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text):
        raise CandidateError(f"Expected {what} without line breaks or other control characters. Received: {text!r}.")
    return text


def write_candidate(folder, id, slice, prediction, spacing=None):
    """Writes one slice with its prediction, as a whole or not at all.

    Args:
        folder: made where it is missing.
        id: any text of one line; "/" and odd characters are fine.
        slice: (h, w), HU.
        prediction: (h, w) integers, 0 none, 1 to K.
        spacing: mm between rows and between columns, where it differs from slice to slice.

    Raises:
        CandidateError: shapes, values or the id cannot be, or decisions were already made on something else.
    """
    path, arrays = path_of(folder, plain_text(id, "an id")), _checked(id, slice, prediction, spacing)
    if len(path.stem.encode()) > LONGEST:
        raise CandidateError(f"Expected an id of at most {LONGEST} bytes as a file name. Received: {id!r}.")
    if (Path(folder) / DECISIONS).exists() and path.exists():
        return _refuse_another(path, arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(part, path)


def _checked(id, slice, prediction, spacing):
    hu, mask = np.asarray(slice), np.asarray(prediction)
    if hu.ndim != 2 or hu.shape != mask.shape or 0 in hu.shape:
        raise CandidateError(f"{id}: Expected a slice and a prediction of one shape (h, w). "
                             f"Received: {hu.shape} and {mask.shape}.")
    with np.errstate(over="ignore"):
        half = hu.astype(np.float16)
    if not np.isfinite(half).all():
        raise CandidateError(f"{id}: Expected finite HU that float16 can hold. Received: {hu.min()} to {hu.max()}.")
    if not np.isin(mask, np.arange(256)).all():
        raise CandidateError(f"{id}: Expected class ids from 0 to 255. Received: {mask.min()} to {mask.max()}.")
    arrays = {"slice": half, "prediction": mask.astype(np.uint8)}
    return arrays if spacing is None else {**arrays, "spacing": np.float32(_spacing(spacing))}


def _spacing(given):
    """(mm, mm) as floats; raises CandidateError."""
    try:
        rows, columns = map(float, given)
    except (TypeError, ValueError):
        rows = columns = 0.0
    if not (0 < rows < np.inf and 0 < columns < np.inf):
        raise CandidateError(f"Expected the spacing of rows and columns in mm. Received: {given!r}.")
    return rows, columns


def _refuse_another(path, arrays):
    try:
        with np.load(path) as before:
            names = set(before.files)
            same = names == set(arrays) and all(np.array_equal(before[name], arrays[name]) for name in names)
    except (OSError, ValueError, zipfile.BadZipFile):
        same = False
    if not same:
        raise CandidateError(f"Expected {path} to stay as it is, since {DECISIONS} tells what was decided on it. "
                             "Received: another slice or prediction; write them to a new folder.")


def write_table(folder, rows, classes, made_by, spacing=None):
    """Writes candidates.csv and candidates.json, after the slices, so that a folder with a table is complete.

    Args:
        rows: (id, patient, label) each; label is a sequence of class names, or these joined by ";".
        classes: K names.
        made_by: what made the predictions, in words.
        spacing: mm between rows and between columns of all slices, where it is known.

    Raises:
        CandidateError: an id comes twice, a class is not known, or decisions were made on another table.
    """
    folder, classes = Path(folder), _names(classes)
    kept = _rows(rows, classes)
    info = {"classes": list(classes), "made_by": str(made_by), "spacing": spacing and list(_spacing(spacing))}
    lines = [(one.id, one.patient, JOINED.join(one.label)) for one in kept.values()]
    if (folder / DECISIONS).exists():
        before = read_table(folder)
        if before.rows != kept or before.classes != classes:
            raise CandidateError(f"Expected the table that {folder / DECISIONS} was made on. "
                                 "Received: another one; write it to a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / INFO, info)
    runs.write_table(folder / TABLE, COLUMNS, lines)


def _names(classes):
    names = tuple(plain_text(name, "the name of a class") for name in classes)
    if not names or len(set(names)) < len(names) or any(JOINED in name for name in names):
        raise CandidateError(f"Expected different names of classes, without {JOINED!r}. Received: {list(names)}.")
    return names


def _rows(rows, classes):
    kept = {}
    for id, patient, label in rows:
        names = tuple(filter(None, label.split(JOINED))) if isinstance(label, str) else tuple(label)
        unknown = [name for name in names if name not in classes]
        if unknown:
            raise CandidateError(f"{id}: Expected classes among {', '.join(classes)}. Received: {unknown[0]!r}.")
        if id in kept:
            raise CandidateError(f"Expected every id once. Received: {id!r} twice.")
        kept[plain_text(id, "an id")] = Candidate(id, plain_text(patient, f"a patient of {id}"), names)
    if not kept:
        raise CandidateError("Expected at least one candidate. Received: none.")
    return kept


def read_table(folder):
    """The Table of a folder. Raises CandidateError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise CandidateError(f"Expected a folder with {TABLE}. Received: {folder}, which is none.")
    try:
        info = runs.read_json(folder / INFO)
        classes = _names(info["classes"])
        spacing = _spacing(info["spacing"]) if info.get("spacing") else None
        with open(folder / TABLE, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError as error:
        raise CandidateError(f"Expected {TABLE} and {INFO}, as stage 2 writes them, in {folder}. "
                             f"Received: no {Path(error.filename).name}.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        told = f"Expected {TABLE} and {INFO} that can be read in {folder}. Received: {error!r}."
        raise CandidateError(told) from error
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows[1:]):
        raise CandidateError(f"Expected the columns {', '.join(COLUMNS)} in {folder / TABLE}. "
                             f"Received: {rows[0] if rows else 'an empty file'}, or rows of another length.")
    return Table(folder, classes, str(info.get("made_by", "")), spacing, _rows(rows[1:], classes))


def read_slice(table, id):
    """The Shown of an id. Raises CandidateError where its file is missing, damaged or does not fit the table."""
    path = path_of(table.folder, id)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = _checked(id, file["slice"], file["prediction"], file["spacing"] if "spacing" in file else None)
    except FileNotFoundError as error:
        raise CandidateError(f"{id}: Expected {path}. Received: no such file.") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise CandidateError(f"{id}: Expected a whole {path}. Received: {error}.") from error
    if arrays["prediction"].max() > len(table.classes):
        raise CandidateError(f"{id}: Expected class ids up to {len(table.classes)}. "
                             f"Received: {arrays['prediction'].max()} in {path}.")
    own = arrays.get("spacing")
    return Shown(arrays["slice"], arrays["prediction"], table.spacing if own is None else tuple(own.tolist()))
