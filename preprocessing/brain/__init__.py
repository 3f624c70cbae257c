"""Brain extraction: which voxels of a head CT lie within the skull.

`native` is ours; `ct_bet` runs the steps of CT-BET (Muschelli et al. 2015) with FSL's `bet2`, where that is installed.
"""

METHODS = ("native", "ct-bet", "none")
USUAL = 700.0, 2200.0  # cm3; a cavity outside it is flagged (a child's, a part of a head, a failure)


def extract(slices, spacing, upwards, method):
    """The voxels within the skull.

    Args:
        slices: (n, h, w) in HU, rows towards posterior and columns towards left.
        spacing: mm between slices, rows, columns.
        upwards: whether the slices go towards the vertex.
        method: "native" or "ct-bet".

    Returns:
        bool (n, h, w).

    Raises:
        ScanError: no brain is found.
    """
    if method == "ct-bet":
        from preprocessing.brain import ct_bet as chosen
    else:
        from preprocessing.brain import native as chosen
    return chosen.extract(slices, spacing, upwards)


def told(cm3):
    """{"brain_cm3": its volume, "flags": what is unusual about it, where something is}, for a bag's `meta`."""
    low, high = USUAL
    facts = {"brain_cm3": round(cm3, 1)}
    if not low <= cm3 <= high:
        facts["flags"] = f"brain of {cm3:.0f} cm3, usual are {low:.0f} to {high:.0f}"
    return facts
