"""Label tables of the field, read as they come, one file a form; which one a table is shows in its columns.

A form has COLUMNS, which no other form has all of, and `rows(table, masks)`, which yields a `Row` a scan;
`slices(table)` too where the table tells of slices. `table` is [(line number, {column: stripped value})].
"""

from typing import NamedTuple


class Row(NamedTuple):
    """One scan of a table.

    Attributes:
        line: of the table, for messages.
        id: of the scan.
        label: "0" or "1", or what the table has instead.
        patient: "" where the table names none.
        meta: {column: value} of the rest.
        excluded: why the scan is in no cohort by the form's rules, or "".
    """

    line: int
    id: str
    label: str
    patient: str = ""
    meta: dict = {}
    excluded: str = ""
