"""Boxes on slices -> the boxes of a bag, in pixels of its own canvas; truth for evaluation, training never reads it.

Pixels of a bag are counted by their centres, so that its first one covers -0.5 to 0.5: a box of one pixel at column 3
reaches from 2.5 to 3.5. A box goes by the patient's millimetres from the DICOM image to the canvas, which is right
through turned orders, flips, padding, cropping, and the shift of rows that mends a tilted gantry (dcm2niix keeps the
affine true to it).
"""

import collections
import dataclasses

import numpy as np

from preprocessing.dicom.slices import TO_RAS
from preprocessing.errors import UsageError
from preprocessing.forms import bhx
from preprocessing.labels import form_of, read_table

LEFT_OUT = "boxes_left_out"  # in the bag's meta: how many are on slices, or parts of slices, that it does not show


def read(path, volumes):
    """Returns ({id: [Box]}, [(slice, path, reason) of each row that is none]).

    Args:
        path: a table of the form of `preprocessing.forms.bhx`.
        volumes: {id: [sources]}.

    Raises:
        UsageError: the table cannot be read, or has no box on any slice of the scans.
    """
    owners = {each: id for id, sources in volumes.items() for source in sources for each in _names(source)}
    found, rejected, others = collections.defaultdict(list), [], 0
    for line, name, series, box in form_of(path, (bhx,)).boxes(read_table(path)):
        id = owners.get(name) or owners.get(series)
        if isinstance(box, str):
            rejected.append((name, str(path), f"box: {box} (line {line})"))
        elif id is None:
            others += 1
        else:
            found[id].append(box)
    if not found:
        raise UsageError(
            f"{path}: Expected boxes on slices of the scans, which must be DICOM. "
            f"Received: {others} on other slices, {len(rejected)} rows that are none."
        )
    if others:
        rejected.append(("", str(path), f"boxes: {others} are on slices of no scan"))
    return dict(found), rejected


def truth(drawn, unclear, scans):
    """What boxes say of slices, {id: {name of the slice: 1, 0 or -1}}, for scans that have any.

    BHX boxes every slice of a scan that bleeds, by hand or extrapolated, and nemcek2021 takes any point elsewhere for
    false: a slice without a box is negative. One whose row is no box may bleed, so that it stays unknown.

    Args:
        drawn: {id: [Box]}.
        unclear: names of slices whose rows are none.
        scans: {id: [names of its slices]}.
    """
    found = {}
    for id, boxes in drawn.items():
        boxed = {box.name for box in boxes}
        found[id] = {name: 1 if name in boxed else -int(name in unclear) for name in scans[id]}
    return found


def attached(bag, series, boxes):
    """The bag with its boxes; without any, a negative bag has none and of a positive one nothing is known.

    Args:
        bag: a Bag with `instance_id`.
        series: the `preprocessing.dicom.series.Series` it was made of.
        boxes: [Box].
    """
    if not boxes and bag.label.any():
        return bag
    planes = {each.name: each.position for each in series.slices} if series.pixel else {}
    places = {name: place for place, name in enumerate(bag.instance_id) if name in planes}
    kept = []
    for box in (each for each in boxes if each.name in places):
        edges = _clipped(_edges(box, planes[box.name], series, bag), bag)
        if edges is not None:
            kept.append(([places[box.name], *edges], box.kind, box.drawn))
    left_out = {LEFT_OUT: len(boxes) - len(kept)} if len(kept) < len(boxes) else {}
    return dataclasses.replace(
        bag, boxes=np.reshape([row for row, _, _ in kept], (-1, 5)), box_class=[kind for _, kind, _ in kept],
        box_drawn=[drawn for _, _, drawn in kept], meta={**bag.meta, **left_out},
    )


def _edges(box, position, series, bag):
    """(y0, x0, y1, x1) on the bag's canvas."""
    right, down = np.reshape(series.orientation, (2, 3))
    columns = np.array([box.x, box.x + box.width]) - 0.5
    rows = np.array([box.y, box.y + box.height]) - 0.5
    corners = position + columns[:, None] * series.pixel[1] * right + rows[:, None] * series.pixel[0] * down
    inverse = np.linalg.inv(np.asarray(bag.affine, np.float64))
    x, y = (corners * TO_RAS @ inverse[:3, :3].T + inverse[:3, 3]).T[:2]
    return min(y), min(x), max(y), max(x)


def _clipped(edges, bag):
    """The part of a box that lies on the canvas, or None."""
    height, width = bag.instances.shape[1:3]
    edges = np.clip(edges, -0.5, np.array([height, width, height, width]) - 0.5)
    return edges if edges[2] > edges[0] and edges[3] > edges[1] else None


def _names(source):
    """The names by which a table may know a scan's slices: their own, and that of their series."""
    slices = getattr(source, "slices", ())
    return [each.name for each in slices if each.name] + ([source.uid] if slices and source.uid else [])
