"""One CT scan -> one `Bag` of axial slices in HU (remedios2020, section 2.1).

Reorient by axes -> check the values -> align to a template, where one is given -> extract the brain -> clip -> pad or
crop -> drop empty slices -> float16 -> shuffle. (The paper extracts first; an upright head is extracted better.)
Training and prediction both call `prepare`, so that a model cannot meet scans prepared in another way.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from preprocessing import bleeds, brain, canvas, orientation, sources
from preprocessing import boxes as drawn_boxes
from preprocessing.dicom.slices import labels_by_index
from preprocessing.errors import ScanError
from preprocessing.settings import CtSettings
from preprocessing.stack import Stack
from preprocessing.volume import check_hu, read_volume
from tfrecords import Bag, DatasetError

__all__ = ["CtSettings", "Prepared", "load_bag", "prepare"]

AFFINE_TOLERANCE = 1e-3  # mm; NIfTI stores float32, and quaternions lose some of it
SHOWN = (0.25, 0.5, 0.75)  # of a scan's slices, counted from its first: those that a person is shown


class Prepared(NamedTuple):
    """A scan's bag, and what a person wants to see of how it was made.

    Attributes:
        bag: the Bag.
        before: {source index: (h, w) HU as the scan came, rows towards posterior and columns towards left}.
        inside: bool (n, h, w) in the same axes, the voxels within the skull; None without brain extraction.
        axes: `preprocessing.orientation.Axes` of the file.
        left_out: {source index: why the slice's truth cannot be taken}.
    """

    bag: Any
    before: dict
    inside: Any
    axes: orientation.Axes
    left_out: dict = {}


def load_bag(path, settings, **given):
    """Returns the Bag of one scan; arguments and errors are those of `prepare`."""
    return prepare(path, settings, **given).bag


def prepare(
    path, settings, *, id, label=None, patient=None, meta=None, mask=None, slice_labels=None, truth=False, boxes=None,
    types=None,
):
    """Returns a scan as `Prepared`.

    Args:
        path: a .nii or .nii.gz file, or another source of `preprocessing.sources`.
        settings: CtSettings.
        id, patient: strings; the patient is the id unless given.
        label: 0 or 1, or a list of k; None is unknown (-1).
        meta: dict that goes to the bag's `meta`.
        mask: path of a NIfTI mask of class ids on the same voxels, or None.
        slice_labels: {source index, or the slice's own name: 0, 1 or -1} or None.
        truth: whether slice truth exists for this data set at all; then a negative bag's slices are all 0
            without a mask or table.
        boxes: [`preprocessing.forms.bhx.Box`] on slices of a DICOM series, or None.
        types: `preprocessing.bleeds.Reading`; label and slice truth are then those of the five types, and the mask has
            their ids. Slice labels are (5,), and the volume is not moved.

    Raises:
        ScanError: the scan or its mask cannot be used; the message is the reason.
    """
    data, affine = sources.read(path, settings.orientation)
    check_hu(data)
    axes = orientation.axes_of(affine)
    orientation.check_axial(affine, axes)
    names = sources.names(path, affine, axes.slice, data.shape[axes.slice])
    drawn = None if mask is None else orientation.reorient(_mask(mask, data.shape, affine, settings), axes)
    scan = _stack(data, affine, axes, drawn)
    if slice_labels is not None:
        slice_labels = labels_by_index(slice_labels, names)
    typed = None if types is None else _typed(scan, label, slice_labels, types)
    if typed is not None:
        scan, label = scan._replace(drawn=typed.mask), typed.label
    before = {index: scan.hu[index].copy() for index in (int(share * len(scan.hu)) for share in SHOWN)}
    stack = _extracted(_aligned(scan, settings), settings)
    if stack.inside is not None:
        stack = stack.told(canvas.cut(stack.inside, settings.size))
    null = _null(stack.hu, settings)
    if stack.inside is not None:
        stack.hu[~stack.inside] = 0
    if settings.clip_negative:
        np.maximum(stack.hu, 0, out=stack.hu)
    order = shuffled(_kept(stack.hu, settings), settings.seed, id)
    label = np.atleast_1d(-1 if label is None else label)
    if slice_labels is not None:
        slice_labels = _shown(slice_labels, scan, stack)
    try:
        bag = Bag(
            id=id,
            patient=patient or id,
            label=label,
            instances=canvas.place(stack.hu, order, settings.size, null, np.float16)[..., None],
            source_index=order,
            instance_id=None if names is None or stack.aligned else [names[index] for index in order],
            instance_label=typed.truth[order] if typed else _slice_truth(order, stack, label, slice_labels, truth),
            mask=None if stack.drawn is None else canvas.place(stack.drawn, order, settings.size, 0, np.uint8),
            spacing=stack.spacing[::-1],
            affine=stack.to_mm @ canvas.canvas_to_display(*stack.hu.shape[1:], settings.size),
            source_affine=affine,
            source_shape=data.shape,
            transform=stack.transform,
            meta={**(meta or {}), **stack.facts},
        )
    except DatasetError as error:
        raise ScanError(str(error)) from error
    if boxes is not None:
        bag = drawn_boxes.attached(bag, path, boxes)
    return Prepared(bag, before, _inside(scan, stack), axes, typed.left_out if typed else {})


def _stack(data, affine, axes, drawn):
    slices, to_mm = orientation.displayed(data, affine, axes)
    np.maximum(slices, canvas.AIR_HU, out=slices)  # what is below air is padding, such as -2000 and -3024
    return Stack(slices, None, drawn, to_mm, np.eye(4), False, {})


def _typed(scan, label, table, reading):
    """`bleeds.Typed` of a scan by its mask, and by the table of its own slices."""
    return bleeds.typed(scan.drawn, scan.hu.shape, label, None if table is None else _shown(table, scan, scan), reading)


def _extracted(stack, settings):
    """The stack with its brain found."""
    if settings.brain == "none":
        return stack
    hu = stack.hu
    if canvas.null_value(hu) == 0:
        if not canvas.has_skull(hu[hu != 0]):
            return stack.told({"brain": "as given: everything around it is 0"})
        hu = np.where(hu > 0, hu, canvas.AIR_HU)  # a whole head, whose air was clipped to 0
    inside = brain.extract(hu, stack.spacing, bool(stack.to_mm[2, 2] > 0), settings.brain)
    cm3 = float(np.count_nonzero(inside) * np.prod(stack.spacing) / 1000)
    return stack._replace(inside=inside).told({"brain": settings.brain} | brain.told(cm3))


def _aligned(stack, settings):
    if settings.align == "axes":
        return stack
    from preprocessing.alignment.apply import aligned

    return aligned(stack, settings)


def _inside(scan, stack):
    """The voxels within the skull on the scan's own slices, or None."""
    if stack.inside is None or not stack.aligned:
        return stack.inside
    from preprocessing.alignment.apply import on_scan

    return on_scan(stack.inside, scan, stack)


def shuffled(indices, seed, id):
    """A permutation of `indices` that depends on the seed and the bag's id, not on the order of work."""
    words = hashlib.sha256(id.encode()).digest()
    generator = np.random.default_rng([seed, int.from_bytes(words[:8], "little")])
    return generator.permutation(np.asarray(indices, np.int64))


def _kept(slices, settings):
    """The indices of the slices that are not one constant value, which holds no anatomy whatever that value
    is.
    """
    if settings.keep_empty:
        return np.arange(len(slices))
    kept = np.flatnonzero([one.max() > one.min() for one in slices])
    if not len(kept):
        raise ScanError(
            f"zero slices: all {len(slices)} are of one constant value (`preprocessing ct --keep-empty` keeps such)"
        )
    return kept


def _null(slices, settings):
    if settings.null != "auto":
        return settings.null
    if settings.brain != "none":
        return 0.0
    value = canvas.null_value(slices)
    return max(value, 0.0) if settings.clip_negative else value


def _mask(path, shape, affine, settings):
    """A mask's uint8 (i, j, k), on the voxels of the scan."""
    try:
        drawn, mask_affine = read_volume(path, settings.orientation)
    except ScanError as error:
        raise ScanError(f"mask: {error}") from error
    if drawn.shape != shape:
        raise ScanError(f"mask: its shape {drawn.shape} differs from the scan's {shape}")
    if not np.allclose(mask_affine, affine, atol=AFFINE_TOLERANCE):
        raise ScanError("mask: its affine differs from the scan's; resample it onto the scan")
    if not (
        np.isfinite(drawn).all()
        and drawn.min() >= 0
        and drawn.max() <= 255
        and (drawn == np.round(drawn)).all()
    ):
        raise ScanError("mask: expected whole numbers 0 to 255 as class ids")
    return drawn.astype(np.uint8)


def _shown(table, scan, stack):
    """{slice: label} of the stack by the table of the scan's own slices; the label of one that shows slices of both
    labels, or one of an unknown label, is unknown.
    """
    total = len(scan.hu)
    for index in table:
        if not 0 <= index < total:
            raise ScanError(f"slice truth names slice {index}, the scan has slices 0 to {total - 1}")
    if not stack.aligned:
        return table
    from preprocessing.alignment.apply import shown

    found = {}
    for index, (first, last) in shown(scan, stack).items():
        values = {table.get(source, -1) for source in range(max(0, first), min(total - 1, last) + 1)}
        found[index] = values.pop() if len(values) == 1 else -1
    return found


def _slice_truth(order, stack, label, table, truth):
    """instance_label (n, k) or None: from the mask, then the table's rows over it; a negative bag has none
    but negative slices.
    """
    if stack.drawn is None and table is None and not truth:
        return None
    if len(label) != 1:
        raise ScanError(f"slice truth needs one class, the bag has {len(label)}")
    values = np.full(len(stack.hu), 0 if label[0] == 0 else -1, np.int64)
    if stack.drawn is not None:
        values[order] = stack.drawn[order].any(axis=(1, 2))
    for index, value in (table or {}).items():
        values[index] = value
    return values[order][:, None]
