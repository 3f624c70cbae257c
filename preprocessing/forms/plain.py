"""`id,label[,patient]` and any other columns: this project's own form."""

from preprocessing.forms import Row

COLUMNS = ("id", "label")
# Columns that are kept out of every output, with or without "patient" before them.
PERSONAL = ("name", "names", "firstname", "lastname", "surname", "birthdate", "dateofbirth", "dob", "address", "phone")
WHOLE = {"0.0": "0", "1.0": "1"}  # as pandas and spreadsheets write a column that has gaps


def rows(table, masks=None):
    """Yields a Row a scan."""
    for line, given in table:
        rest = {name: value for name, value in given.items() if value and not _left_out(name)}
        label = WHOLE.get(given["label"], given["label"])
        yield Row(line, given["id"], label, given.get("patient", ""), rest)


def _left_out(name):
    """Whether a column is no fact about the scan, or names a person."""
    plain = "".join(filter(str.isalpha, name.lower()))
    return name in ("id", "label", "patient") or plain.removeprefix("patient") in PERSONAL
