"""A scan's `Stack` -> the same, aligned to the template; or as it was, with a flag that says why."""

import numpy as np

from preprocessing import brain, canvas
from preprocessing.alignment import grid, rigid, template
from preprocessing.alignment.views import view
from preprocessing.errors import ScanError

TISSUE = -300.0  # HU, between air and fat (our decision)
HALF = 0.5  # of a voxel, from which on it is within


def aligned(stack, settings):
    """Returns the aligned Stack, or the stack itself with a flag where no motion can be trusted.

    Args:
        stack: `preprocessing.stack.Stack`.
        settings: CtSettings with a template.

    Raises:
        UsageError: the template cannot be used.
    """
    target, middle = template.load(settings.template)
    try:
        found = rigid.register(target, view(stack.hu, stack.to_mm, _looked_at(stack, target)))
    except ScanError as error:
        return _kept(stack, str(error))
    if found.problem:
        return _kept(stack, found.problem)
    facts = {
        "align": "rigid", "rotation_degrees": round(found.angle, 1), "shift_mm": round(found.shift, 1),
        "match": round(found.match, 3),
    }
    return _moved(stack, found, middle, settings.size).told(facts)


def _looked_at(stack, target):
    """The brain where the template is one and the scan is not."""
    if not target.stripped or canvas.null_value(stack.hu) == 0:
        return None
    if stack.inside is not None:
        return stack.inside
    return brain.extract(stack.hu, stack.spacing, bool(stack.to_mm[2, 2] > 0), "native")


def _kept(stack, reason):
    return stack.told({"align": "axes", "flags": f"not aligned: {reason}"})


def _moved(stack, found, middle, size):
    null = canvas.null_value(stack.hu)
    seen = stack.inside if stack.inside is not None else (stack.hu > TISSUE) & (stack.hu != null)
    to_mm, count = grid.frame(seen, stack.to_mm, found, middle, size)
    to_scan = np.linalg.inv(stack.to_mm) @ found.matrix @ to_mm
    shape = (count, size, size)
    hu, inside, drawn = grid.resampled(stack.hu, to_scan, shape, null), stack.inside, stack.drawn
    if inside is not None:
        inside = grid.resampled(inside.astype(np.float32), to_scan, shape, 0) >= HALF
    if drawn is not None:
        drawn = grid.resampled(drawn, to_scan, shape, 0, nearest=True)
    shows = grid.crossed(to_scan, (hu > TISSUE) & (hu != null) if inside is None else inside)
    return stack._replace(hu=hu, inside=inside, drawn=drawn, to_mm=to_mm, transform=found.matrix, shows=shows)
