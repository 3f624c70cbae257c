"""`id,label[,patient]` and any other columns: this project's own form."""

from preprocessing.forms import Row

COLUMNS = ("id", "label")
WHOLE = {"0.0": "0", "1.0": "1"}  # as pandas and spreadsheets write a column that has gaps


def rows(table, masks=None):
    """Yields a Row a scan."""
    for line, given in table:
        rest = {name: value for name, value in given.items() if value and name not in ("id", "label", "patient")}
        label = WHOLE.get(given["label"], given["label"])
        yield Row(line, given["id"], label, given.get("patient", ""), rest)
