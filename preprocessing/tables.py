"""The tables of a job, read in the order in which they need one another: labels, metadata, slice truth, boxes."""

from typing import NamedTuple

from preprocessing import boxes, labels, metadata, named, sources
from preprocessing.errors import UsageError


class Given(NamedTuple):
    """All that the tables say.

    Attributes:
        volumes: {id: [sources]}, by the names that the label table has for the scans.
        labels: {id: Label}.
        slices: {id: {source index, or name of the slice: label}}, or None where nothing tells of slices; where types
            are asked for, a label is (5,) in the order of `bleeds.CLASSES`.
        bad_slices: {id: why its rows are no truth}.
        boxes: {id: [Box]}, or None.
        rejected: [(id, path, reason)] of rows.
    """

    volumes: dict
    labels: dict
    slices: dict | None
    bad_slices: dict
    boxes: dict | None
    rejected: list


def read(args, volumes, masks=None):
    """Returns what is Given.

    Args:
        args: of the command; `scans`, `labels`, `slice_labels`, `metadata` and `boxes` are paths or None, and `types`
            tells whether slices have types of bleed.
        volumes: {id: [sources]} as found.
        masks: {id: [paths]} or None.

    Raises:
        UsageError: a table cannot be read, or knows none of the scans.
    """
    by_slice = labels.is_of(args.labels, labels.NAMED_FORMS)
    table, rejected = ({}, []) if by_slice else labels.read_labels(args.labels, masks)
    if not by_slice:
        volumes = _renamed(volumes, table, rejected, args)
    known = _metadata(args, volumes, by_slice)
    slices, bad_slices = None, {}
    if by_slice:
        truth, rejected = _by_slice(args.labels, volumes, known, args.types)
        table, slices = truth.labels, _named_slices(truth, volumes)
    if args.slice_labels is not None or _tells_of_slices(args.labels):
        slices, bad_slices, more = _slices(args.slice_labels or args.labels, volumes, known, args)
        rejected = rejected + more
    rejected = rejected + [(id, str(args.metadata or args.labels), reason) for id, reason in known.bad.items()]
    table = {id: label for id, label in metadata.labelled(table, known).items() if id not in known.bad}
    drawn, bad_boxes = (None, []) if args.boxes is None else boxes.read(args.boxes, volumes)
    if drawn is not None and slices is None and masks is None and not args.types:
        slices = _boxed(drawn, bad_boxes, volumes, table)
    return Given(volumes, table, slices, bad_slices, drawn, rejected + bad_boxes)


def _boxed(drawn, bad_boxes, volumes, table):
    """Slice truth of the boxes, where nothing else tells of slices; that of a negative scan is its label's."""
    ill = {id: found for id, found in drawn.items() if id in table and table[id].label == 1}
    scans = {id: sources.slice_names(volumes[id]) for id in ill}
    return boxes.truth(ill, {name for name, _, _ in bad_boxes}, scans)


def check_same_ids(volumes, table, scans, path):
    """Raises UsageError where a table, or folder of masks, has not one of the scans' ids."""
    if not set(volumes) & set(table):
        example = next(iter(table), "nothing")
        raise UsageError(
            f"{path}: Expected ids of the scans in {scans}, such as {next(iter(volumes))!r}. "
            f"Received: {example!r}."
        )


def _renamed(volumes, table, bad_rows, args):
    known = {*table, *(id for id, _, _ in bad_rows)}
    volumes = sources.renamed(volumes, known, labels.aliases(args.labels, known))
    if bad_rows and not table:
        raise UsageError(f"{args.labels}: no row can be used; the first: id {bad_rows[0][0]!r}: {bad_rows[0][2]}.")
    check_same_ids(volumes, table, args.scans, args.labels)
    return volumes


def _metadata(args, volumes, by_slice):
    """Labels of slices may have the columns of their metadata too."""
    path = args.metadata
    if path is None and by_slice and labels.is_of(args.labels, metadata.FORMS):
        path = args.labels
    scans = {} if path is None else {id: _slice_names(id, paths) for id, paths in volumes.items()}
    return metadata.read(path, scans) if path else metadata.Metadata({}, {}, {}, {})


def _slice_names(id, paths):
    """The names of a scan's slices; a volume of one slice may be called by that slice's name."""
    single = not sources.slice_names(paths) and sources.slices(paths[0]) == 1
    return [id] if single else sources.slice_names(paths)


def _by_slice(path, volumes, known, types):
    """(named.Truth, rejected rows) of a table of slices by their names."""
    scans = {id: _slice_names(id, paths) or known.slices.get(id, []) for id, paths in volumes.items()}
    truth = named.read(path, scans, types)
    rejected = [(id, str(path), reason) for id, reason in truth.bad.items()]
    if truth.others:
        rejected.append(("", str(path), f"labels of slices: {truth.others} rows are of slices of no scan"))
    return truth, rejected


def _named_slices(truth, volumes):
    """A volume that names no slices cannot tell which of them a label means, unless it has but one."""
    single = {id: {0: slices[id]} for id, slices in truth.slices.items() if _slice_names(id, volumes[id]) == [id]}
    return {id: slices for id, slices in truth.slices.items() if sources.slice_names(volumes[id])} | single


def _slices(path, volumes, known, args):
    """(slices, bad slices, rejected rows) of a table of slice labels, by index or by name."""
    if labels.is_of(path, labels.NAMED_FORMS):
        truth, rejected = _by_slice(path, volumes, known, args.types)
        bad = {id: f"slice truth: {reason}" for id, reason in truth.bad.items()}
        return _named_slices(truth, volumes), bad, [row for row in rejected if row[0] not in bad]
    found, bad = labels.read_slice_types(path) if args.types else labels.read_slice_labels(path)
    check_same_ids(volumes, {**found, **bad}, args.scans, path)
    return found, bad, []


def _tells_of_slices(path):
    """Whether a label table has its slices' labels too, by their number in the scan."""
    return labels.is_of(path, labels.FORMS) and hasattr(labels.form_of(path, labels.FORMS), "slices")
