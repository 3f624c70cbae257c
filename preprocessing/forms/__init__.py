"""Label tables of the field, read as they come, one file a form; which one a table is shows in its columns.

A form has COLUMNS, which no other form of its kind has all of (and ONE_OF, of which its tables have one at least), and
a function for each thing that its tables tell:

- `rows(table, masks)` yields a `Row` a scan, `slices(table)` the labels of slices by their number in the scan,
  `people(table)` what is known of patients and `boxes(table)` boxes on slices, where `table` is (line number,
  {column: stripped value}) of each row;
- `findings(columns, rows)` yields the labels of slices by their own names, and `tags` whose they are, where `rows` is
  (line number, [stripped values]) of each: such tables have millions.
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
