"""The RSNA 2019 labels as they are passed on with the DICOM tags: a row a slice, a column a finding.

    Image_ID,any,epidural,intraparenchymal,intraventricular,subarachnoid,subdural,...,PatientID
"""

from preprocessing.forms.rsna import ANY, SUBTYPES
from preprocessing.forms.slice_tags import NAMES, column_of

COLUMNS, ONE_OF = SUBTYPES, NAMES


def findings(columns, rows):
    """Yields (line, name of a slice, finding, value) of every row, the last three as strings.

    Args:
        columns: the table's.
        rows: (line, [values]) of each row.
    """
    id = column_of(columns, NAMES)
    given = [(finding, columns.index(finding)) for finding in (ANY, *SUBTYPES) if finding in columns]
    for line, row in rows:
        for finding, place in given:
            yield line, row[id], finding, row[place]
