"""Which fields are to be answered: files of all channels, or those that an image table names."""

from pathlib import Path
from typing import NamedTuple

from mil_tf.prediction.scans import TABLES, find_fields
from preprocessing.errors import ScanError, UsageError
from preprocessing.fields import bbbc021, pixels, plain
from preprocessing.fields.files import Root
from preprocessing.fields.table import FORMS, on_disk, once
from preprocessing.labels import form_of, read_columns, read_table
from preprocessing.product import file_name


class Source(NamedTuple):
    """A field's files, one a channel in the model's order or a single one of all, and what a table says of it."""

    paths: tuple
    meta: dict

    def __str__(self):
        return str(self.paths[0])


def in_folder(folder, channels):
    """Fields that are a file each.

    Args:
        folder: path of a file, or of a folder of files.
        channels: of the model.

    Returns:
        ([(id, Source)], [(id, path, reason)] of those that cannot be told apart).

    Raises:
        UsageError: there is no image, or none of so many channels.
    """
    found, rejected = find_fields(folder)
    counts = (_channels(path) for _, path in found)
    first = next(counts, len(channels))
    if first != len(channels) and len(channels) not in counts:
        more = "; files of one channel each are found by --images TABLE" if first == 1 else ""
        raise UsageError(
            f"{folder}: Expected images of the model's {len(channels)} channels, {', '.join(channels)}. Received: "
            f"{found[0][1].name} with {first}{more}."
        )
    return [(id, Source((str(path),), {})) for id, path in found], rejected


def in_table(table, root, channels):
    """As `in_folder`, of an image table in either form of `python -m preprocessing fields`; its labels are not read.

    Args:
        table: its path.
        root: folder in which its files are.
        channels: of the model; where the table has a file a channel, it must name them.

    Raises:
        UsageError: the table cannot be read, or has no field, or not these channels.
    """
    columns = read_columns(table)
    form = form_of(table, FORMS)
    known = form.channels(columns)
    if not set(channels) <= set(known) and (known or plain.PATH not in columns):
        raise UsageError(
            f"--images: Expected files of the model's channels, {', '.join(channels)}. Received: {table} with "
            f"{', '.join(known) or 'none'}."
        )
    if not Path(root).is_dir():
        raise UsageError(f"Expected the folder of the images that {table} names. Received: {root}, which is none.")
    rows = list(_rows(form, table, channels if known else []))
    good, twice = once([row for row in rows if not row.reason])
    placed, rejected = on_disk(good, Root(root), table)
    rejected += [(row.id, str(table), row.reason) for row in rows if row.reason]
    rejected += [(id, str(table), f"duplicate id: {count} rows in the image table") for id, count in twice]
    if not placed:
        first = f"; the first: {rejected[0][0]!r}: {rejected[0][2]}" if rejected else ""
        raise UsageError(f"--images: Expected rows of images. Received: {table}, with none that can be used{first}.")
    return [(_name(row.id), Source(paths, row.meta)) for row, paths in placed], sorted(rejected)


def _rows(form, table, channels):
    if form is bbbc021:
        return form.rows(read_table(table), channels, None)
    return form.rows(read_table(table), channels, labels=False)


def _name(id):
    """What a field's answers are called; no table of the answers has that name."""
    return f"field-{id}" if id in TABLES else file_name(id)


def _channels(path):
    """Of a file by its header, None where it cannot be read."""
    try:
        return pixels.size(path)[-1]
    except ScanError:
        return None
