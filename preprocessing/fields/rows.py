"""What an image table says of one field, whatever the table's form."""

import math
from typing import NamedTuple

META = ("plate", "well", "site", "replicate", "batch", "compound", "concentration", "treatment")


class Row(NamedTuple):
    """One row of an image table.

    Attributes:
        id: of the field.
        files: paths as the table has them, one a channel, or a single one of all channels.
        classes: names of the field's classes.
        patient: what no split may cut, the plate-well key where there is one.
        meta: {name of META: text}.
        reason: why the row is no field, or "".
    """

    id: str
    files: tuple
    classes: tuple = ()
    patient: str = ""
    meta: dict = {}
    reason: str = ""


def number(text):
    """A number as the shortest text that tells it ("5.000000" is "5"); other text as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return str(int(value)) if value == int(value) else repr(value)


def known(meta):
    """The meta without what is empty."""
    return {name: value for name, value in meta.items() if value}
