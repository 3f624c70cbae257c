"""Metadata of slices, as exported from their DICOM headers: whose they are, and of which series and study.

The RSNA 2019 metadata has `Image_ID` and `PatientID`, other exports have the tags' own names.
"""

NAMES, PATIENTS = ("SOPInstanceUID", "Image_ID", "ImageId"), ("PatientID",)
SERIES, STUDIES = ("SeriesInstanceUID",), ("StudyInstanceUID",)
COLUMNS, ONE_OF = PATIENTS, NAMES


def column_of(columns, names):
    """The place of the first of the names that is a column, or None."""
    return next((columns.index(name) for name in names if name in columns), None)


def tags(columns, rows):
    """Yields (name of the slice, series, study, patient) of every row; "" where the table has none.

    Args:
        columns: the table's.
        rows: (line, [values]) of each row.
    """
    places = [column_of(columns, names) for names in (NAMES, SERIES, STUDIES, PATIENTS)]
    for _, row in rows:
        yield tuple("" if place is None else row[place] for place in places)
