"""A scan's `Stack` -> the same, aligned to the template; or as it was, with a flag that says why."""

import numpy as np

from preprocessing import canvas
from preprocessing.alignment import builtin, grid, rigid, template
from preprocessing.alignment.views import view
from preprocessing.errors import ScanError

TISSUE = -300.0  # HU, between air and fat (our decision)


def aligned(stack, settings):
    """Returns the aligned Stack, or the stack itself with a flag where no motion can be trusted.

    Args:
        stack: `preprocessing.stack.Stack`, its brain not yet extracted: that is surer in the template's pose.
        settings: CtSettings.

    Raises:
        UsageError: the template cannot be used.
    """
    target = template.load(settings.template, settings.template_hash)
    try:
        found = found_motion(stack.hu, stack.to_mm, target)
    except ScanError as error:
        return _kept(stack, str(error))
    if found.problem:
        return _kept(stack, found.problem)
    facts = {
        "align": "rigid", "rotation_degrees": round(found.angle, 1), "shift_mm": round(found.shift, 1),
        "match": round(found.match, 3),
    }
    moved = _moved(stack, found, target.view.centre, settings.size)
    return moved.told({**facts, "aligned_slices": len(moved.hu)})


def found_motion(slices, to_mm, target):
    """The `rigid.Found` of a scan.

    Like is compared with like, heads with heads and brains with brains. Where only one of scan and template has lost
    its skull, the scan is compared with the built-in head or its brain, and the template was, once.

    Args:
        slices: (n, h, w) in HU.
        to_mm: takes their (column, row, slice, 1) to scan mm.
        target: `preprocessing.alignment.template.Template`.

    Raises:
        ScanError: nothing in the scan is a head.
    """
    seen = view(slices, to_mm)
    if seen.stripped == target.view.stripped:
        return rigid.register(target.view, seen)
    if target.bridge is None:
        raise ScanError("the scan has lost its skull, the template has not")
    found = rigid.register(builtin.views()[int(seen.stripped)], seen)
    return found._replace(matrix=found.matrix @ target.bridge)


def _kept(stack, reason):
    return stack.told({"align": "axes", "flags": f"not aligned: {reason}"})


def _moved(stack, found, middle, size):
    null = canvas.null_value(stack.hu)
    to_mm, count = grid.frame(_tissue(stack.hu, null), stack.to_mm, found.matrix, middle, size)
    to_scan = np.linalg.inv(stack.to_mm) @ found.matrix @ to_mm
    shape = (count, size, size)
    hu, drawn = grid.resampled(stack.hu, to_scan, shape, null), stack.drawn
    if drawn is not None:
        drawn = grid.resampled(drawn, to_scan, shape, 0, nearest=True)
    return stack._replace(hu=hu, drawn=drawn, to_mm=to_mm, transform=found.matrix, aligned=True)


def shown(stack, aligned):
    """{slice of an aligned Stack: (first, last) slice of the Stack that it was} of what is seen: the brain, or all
    tissue where that was not looked for.
    """
    to_scan = np.linalg.inv(stack.to_mm) @ aligned.transform @ aligned.to_mm
    if aligned.inside is not None:
        return grid.crossed(to_scan, aligned.inside)
    return grid.crossed(to_scan, _tissue(aligned.hu, canvas.null_value(aligned.hu)))


def _tissue(hu, null):
    return (hu > TISSUE) & (hu != null)


def on_scan(mask, stack, aligned):
    """A mask (n, h, w) of an aligned Stack on the voxels of the Stack that it was."""
    back = np.linalg.inv(aligned.transform @ aligned.to_mm) @ stack.to_mm
    return grid.resampled(mask.astype(np.uint8), back, stack.hu.shape, 0, nearest=True) > 0
