"""RSNA 2019 `stage_2_train.csv` (Flanders et al. 2020): `ID,Label`, six rows a slice, such as `ID_6c5d82413_any`.

The slice's name, `ID_6c5d82413`, is its SOPInstanceUID. The genuine file has rows that are there twice.
"""

ANY = "any"
SUBTYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
COLUMNS = ("ID", "Label")


def findings(columns, rows):
    """Yields (line, name of a slice, finding, value) of every row, the last three as strings.

    Args:
        columns: the table's.
        rows: (line, [values]) of each row.
    """
    id, label = columns.index("ID"), columns.index("Label")
    for line, row in rows:
        name, _, finding = row[id].rpartition("_")
        yield line, name, finding, row[label]
