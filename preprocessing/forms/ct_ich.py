"""PhysioNet CT-ICH `hemorrhage_diagnosis.csv` (Hssayeni et al. 2020): a row a slice; a scan bleeds where a slice does.

Scans are `049.nii` and so on, slices are counted from 1 in the file's order.
"""

from preprocessing.forms import Row

TYPES = ("Intraventricular", "Intraparenchymal", "Subarachnoid", "Epidural", "Subdural")
COLUMNS = ("PatientNumber", "SliceNumber", *TYPES)


def rows(table, masks=None):
    """Yields a Row a scan, with the types that some slice of it shows."""
    scans = {}
    for line, given in table:
        scans.setdefault(scan_name(given["PatientNumber"]), []).append((line, given))
    for id, some in scans.items():
        values = [given[t] for _, given in some for t in TYPES]
        wrong = next((value for value in values if value not in ("0", "1")), None)
        types = [t for t in TYPES if any(given[t] == "1" for _, given in some)]
        label = str(int(bool(types))) if wrong is None else wrong
        yield Row(some[0][0], id, label, f"ct-ich-{id}", {"types": ",".join(types)} if types else {})


def slices(table):
    """Yields (line, id, source index, label) of every slice, the last two as strings."""
    for line, given in table:
        id, number = scan_name(given["PatientNumber"]), given["SliceNumber"]
        bleeds = any(given[t] == "1" for t in TYPES)
        yield line, id, str(int(number) - 1) if number.isdecimal() else number, str(int(bleeds))


def types(table):
    """Yields (line, id, source index, [its types], or a reason) of every slice."""
    for line, given in table:
        wrong = next((t for t in TYPES if given[t] not in ("0", "1")), None)
        found = [t.lower() for t in TYPES if given[t] == "1"]
        number = given["SliceNumber"]
        index = str(int(number) - 1) if number.isdecimal() else number
        yield line, scan_name(given["PatientNumber"]), index, found if wrong is None else _wrong(wrong, given)


def _wrong(name, given):
    return f"{name} must be 0 or 1, is {given[name]!r}"


def scan_name(number):
    """The scan's file of a patient's number, without its suffix."""
    return f"{int(number):03}" if number.isdecimal() else number
