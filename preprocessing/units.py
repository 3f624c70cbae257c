"""What a bag is: a scan, or a single slice of one, for recipes that learn from slices with labels (nemcek2021)."""

import collections
import dataclasses

import numpy as np

from preprocessing.errors import ScanError, UsageError

UNITS = ("scan", "slice")
INSTANCES = {"slide": "tiles", "field": "images"}  # what a bag has, where it is not slices
COUNTED = {"slide": "slides", "field": "images"}  # what is counted, where it is not volumes


def of(dataset):
    """What a bag of a data set is, one of UNITS."""
    return dataset.info.get("preprocessing", {}).get("unit", "scan")


def check(unit, scans):
    """Raises UsageError where scans cannot become bags of this unit.

    Args:
        scans: [`preprocessing.inputs.Scan`].
    """
    if unit == "scan" or not scans:
        return
    if not any(scan.truth for scan in scans):
        raise UsageError(
            "--unit slice: Expected slice truth, by --masks, --slice-labels, --boxes, or --labels of slices. "
            "Received: none."
        )
    ids = {scan.id for scan in scans}
    same = next((id for id in sorted(ids) if id.rpartition("/")[0] in ids and id.rpartition("/")[2].isdecimal()), None)
    if same:
        raise UsageError(f"--unit slice: Expected scans with other names than slices have. Received: a scan {same!r}.")


def slices(bag, reasons=None):
    """A scan's bag as bags of one slice each, in the scan's order.

    Each has the slice's truth as its label, and the scan's patient and meta; its id is `SCAN/SOURCE_INDEX`.

    Args:
        bag: of the scan.
        reasons: {source index: why its truth is not known}, as far as there are such.

    Returns:
        ([Bag], why some slices are in none of them, or "").

    Raises:
        ScanError: no slice's truth is known.
    """
    known = np.zeros(bag.n, bool) if bag.instance_label is None else (bag.instance_label >= 0).all(axis=1)
    places = [place for place in np.argsort(bag.source_index) if known[place]]
    left_out = f"{bag.n - len(places)} of {bag.n} slices without a label{_told(reasons or {})}"
    if not places:
        raise ScanError(left_out)
    return [_one(bag, place) for place in places], left_out if len(places) < bag.n else ""


def _told(reasons):
    """The slices of each reason, as the end of a sentence."""
    groups = collections.defaultdict(list)
    for index, reason in sorted(reasons.items()):
        groups[reason].append(str(index))
    found = [f"slice{'s' if some[1:] else ''} {', '.join(some)}: {reason}" for reason, some in groups.items()]
    return f": {'; '.join(found)}" if found else ""


def _one(bag, place):
    one = slice(place, place + 1)
    arrays = {
        name: getattr(bag, name)[one]
        for name in ("instances", "source_index", "instance_id", "instance_label", "mask")
        if getattr(bag, name) is not None
    }
    return dataclasses.replace(
        bag, id=f"{bag.id}/{bag.source_index[place]}", label=bag.instance_label[place], **arrays, **_boxes(bag, place)
    )


def _boxes(bag, place):
    if bag.boxes is None:
        return {}
    mine = bag.boxes[:, 0] == place
    return {
        "boxes": bag.boxes[mine] * [0, 1, 1, 1, 1], "box_class": bag.box_class[mine], "box_drawn": bag.box_drawn[mine],
    }
