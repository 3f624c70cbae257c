"""Rater scores and lesion volumes (remedios2020, section 2.1): `id,score[,volume_cm3][,patient]`.

0: no hemorrhage, negative. 1 and 3: hemorrhage, positive where it is larger than 20 cm3, else excluded. 2 and 4:
excluded. The volume is the column's, or that of the scan's mask where the column is missing.
"""

from preprocessing.forms import Row
from preprocessing.ids import scan_id

COLUMNS = ("id", "score")
LEAST = 20.0  # cm3, remedios2020, section 2.1
NEGATIVE, BLEEDING, LEFT_OUT = "0", ("1", "3"), ("2", "4")
OWN = ("id", "score", "patient", "volume_cm3")


def rows(table, masks=None):
    """Yields a Row a scan.

    Args:
        masks: {id: [paths]} of the masks, which are read where the table has no volume.
    """
    for line, given in table:
        score, volume = given["score"].removesuffix(".0"), given.get("volume_cm3", "")
        label, excluded = _judged(scan_id(given["id"]), score, volume, masks or {})
        rest = {name: value for name, value in given.items() if value and name not in OWN}
        yield Row(line, given["id"], label, given.get("patient", ""), {**rest, "score": score}, excluded)


def _judged(id, score, volume, masks):
    """(label, why the scan is excluded)."""
    if score == NEGATIVE:
        return "0", ""
    if score in LEFT_OUT:
        return "1", f"excluded: rater score {score}"
    if score not in BLEEDING:
        return f"score {score}", ""
    try:
        cm3 = float(volume) if volume else _volume(masks.get(id, ()))
    except ValueError:
        return f"volume_cm3 {volume}", ""
    if cm3 is None:
        return "1", f"excluded: rater score {score} without volume_cm3 or a mask"
    return "1", "" if cm3 > LEAST else f"excluded: rater score {score} with {cm3:.1f} cm3, over {LEAST:.0f} are taken"


def _volume(paths):
    """cm3 of a mask, None where there is not one mask that can be read."""
    import numpy as np

    from preprocessing.errors import ScanError
    from preprocessing.volume import read_volume

    if len(paths) != 1:
        return None
    try:
        data, affine = read_volume(paths[0])
    except ScanError:
        return None
    return float(np.count_nonzero(data > 0) * abs(np.linalg.det(affine[:3, :3])) / 1000)
