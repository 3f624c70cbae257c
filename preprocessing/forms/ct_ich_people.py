"""PhysioNet CT-ICH `Patient_demographics.csv` (Hssayeni et al. 2020): a row a patient, who has one scan.

Its header cells have line breaks, and its findings repeat those of the slice table.
"""

from preprocessing.forms.ct_ich import scan_name

COLUMNS = ("Patient Number", "Age (years)", "Gender")
KEPT = {
    "Age (years)": "age_years", "Gender": "gender", "Fracture (Yes/No)": "fracture", "Condition on file": "condition",
    "Note": "note",
}


def people(table):
    """Yields (id of the scan, {what is known of the patient: value})."""
    for _, given in table:
        known = {name: given[column] for column, name in KEPT.items() if given.get(column)}
        yield scan_name(given["Patient Number"]), known
