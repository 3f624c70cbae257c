"""An image table, and what goes with it -> the fields that there are."""

import collections
from pathlib import Path
from typing import NamedTuple

from preprocessing.errors import UsageError
from preprocessing.fields import bbbc021, cells, plain
from preprocessing.fields.errors import FieldError
from preprocessing.fields.files import Root
from preprocessing.fields.product import Field
from preprocessing.labels import form_of, read_columns, read_table
from preprocessing.product import file_name

FORMS = (plain, bbbc021)
MOST_CLASSES = 254  # whose numbers a mask holds beside 0 and 255


class Found(NamedTuple):
    """What the tables say.

    Attributes:
        fields: [Field] in order of id.
        channels: names, or [] where one file has all of a field's and nobody named them.
        classes: sorted names: those that have a column, or else an image.
        rejected: [(id, path, reason)].
        told: lines to print.
    """

    fields: list
    channels: list
    classes: list
    rejected: list
    told: list


def read(args):
    """Returns what is Found.

    Args:
        args: of the command.

    Raises:
        UsageError: a table cannot be read, or there is no field at all.
    """
    rows, channels, named = _rows(args)
    rejected = [(row.id, str(args.images), row.reason) for row in rows if row.reason]
    good, twice = once([row for row in rows if not row.reason])
    rejected += [(id, str(args.images), f"duplicate id: {count} rows in the image table") for id, count in twice]
    located, missing = on_disk(good, Root(args.root or Path(args.images).parent), args.images)
    rejected += missing
    if not located:
        worst = next(iter(missing or rejected), None)
        first = f"; the first: {worst[0]!r}: {worst[2]}" if worst else ""
        raise UsageError(f"{args.images}: Expected rows of images. Received: none that can be used{first}.")
    classes = sorted({*named, *(name for row, _ in located for name in row.classes)})
    _check_classes(classes, args.images)
    marks, bad, told = cells.read(args.cells, {row.id for row, _ in located}, classes) if args.cells else ({}, [], [])
    masks, doubled = _masks(args.masks, [row.id for row, _ in located])
    fields = [_field(row, paths, classes, marks, masks) for row, paths in located if row.id not in doubled]
    rejected += bad + [(id, str(args.masks), "duplicate id: several masks have it") for id in doubled]
    return Found(fields, channels, classes, rejected, told)


def _rows(args):
    """([Row], [names of channels], [names of classes that have a column])."""
    columns = read_columns(args.images)
    form = form_of(args.images, FORMS)
    channels = chosen(args.channels, form.channels(columns))
    if form is bbbc021:
        if args.moa is None:
            raise UsageError("--moa: Expected mechanisms, as the image table has BBBC021's form. Received: none.")
        if not channels:
            raise UsageError(f"{args.images}: Expected columns {bbbc021.FILE}... of channels. Received: none.")
        mechanisms = bbbc021.read_mechanisms(args.moa)
        return list(form.rows(read_table(args.images), channels, mechanisms, args.controls)), channels, []
    if args.moa is not None or args.controls:
        raise UsageError("--moa, --controls: Expected for tables in BBBC021's form only. Received: a plain table.")
    plain.check(args.images, columns)
    named = channels if form.channels(columns) else []
    return list(form.rows(read_table(args.images), named)), channels, plain.classes(columns)


def chosen(given, known):
    """The names of the channels in the wanted order.

    Args:
        given: names parted by commas, or None.
        known: those that a table has columns for, or [] where it has none.

    Raises:
        UsageError: a name is not known.
    """
    if given is None:
        return known
    names = [name.strip() for name in given.split(",")]
    unknown = [name for name in names if known and name not in known]
    if unknown:
        raise UsageError(f"--channels: Expected some of {','.join(known)}. Received: {unknown[0]!r}.")
    return names


def once(rows):
    """([Row] in order of id, [(id, how often)] of those that are there several times)."""
    counts = collections.Counter(row.id for row in rows)
    once = sorted((row for row in rows if counts[row.id] == 1), key=lambda row: row.id)
    return once, [(id, count) for id, count in counts.items() if count > 1]


def on_disk(rows, root, table):
    """([(Row, paths)], [(id, path, reason)] of rows whose files are missing).

    Args:
        rows: [Row].
        root: `preprocessing.fields.files.Root`.
        table: path of the image table.
    """
    located, missing = [], []
    for row in rows:
        try:
            located.append((row, tuple(root.find(name) for name in row.files)))
        except FieldError as error:
            missing.append((row.id, str(table), str(error)))
    return located, missing


def _check_classes(classes, table):
    if not 0 < len(classes) <= MOST_CLASSES:
        raise UsageError(f"{table}: Expected images of 1 to {MOST_CLASSES} classes. Received: {len(classes)}.")


def _masks(folder, ids):
    """({id: path}, {ids that several masks have}); a mask is called as its field, or as its field's picture is."""
    if folder is None:
        return {}, set()
    from preprocessing.slides.files import find_masks

    found = find_masks(folder)
    mine = {id: found.get(id) or found.get(file_name(id), []) for id in ids}
    if not any(mine.values()):
        raise UsageError(f"--masks: Expected files such as {ids[0]}.png. Received: {folder}, with none of a field.")
    masks = {id: str(paths[0]) for id, paths in mine.items() if len(paths) == 1}
    return masks, {id for id, paths in mine.items() if len(paths) > 1}


def _field(row, paths, classes, marks, masks):
    label = tuple(int(name in row.classes) for name in classes)
    return Field(row.id, paths, label, row.patient, row.meta, marks.get(row.id), masks.get(row.id))
