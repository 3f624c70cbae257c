"""Whether the files of a series make one volume in HU.

dcm2niix makes something of nearly all files, and guesses what is missing or contradictory; what it would guess wrongly
is told here, by the tags alone.
"""

import numpy as np

SAME_PIXEL = 0.01  # of a pixel's side; the same scanner writes the same digits (our decision)
SAME_LINE = 0.5  # mm, about a pixel of a head CT, by which slices may lie beside the line through them (our decision)
NATIVE_BITS = 16  # of a CT image's voxel where the tag is missing (DICOM PS3.3, C.8.2.1)
GAP = 5  # times the median step; a larger one hides more than interpolation may make up (our decision)
UNDEFINED = 0xFFFFFFFF  # the length of compressed pixels (DICOM PS3.5, A.4)


def problem(headers):
    """Why files of one orientation and matrix cannot be a volume, or "".

    Args:
        headers: [`preprocessing.dicom.headers.Header`], each file once.
    """
    return _places(headers) or _pixels(headers) or _values(headers)


def _places(headers):
    lost = sum(len(each.positions) != each.frames for each in headers)
    if lost:
        return f"{lost} of {len(headers)} files without a position for every frame"
    names = [each.uid for each in headers if each.uid]
    if len(set(names)) < len(names):
        return "different slices have one SOPInstanceUID"
    return _line(np.array([place for each in headers for place in each.positions]), np.array(headers[0].orientation))


def _line(points, orientation):
    """Why slices (n, 3) in LPS+ mm do not lie in a line that a gantry could have moved them along, or ""."""
    across = np.cross(orientation[:3], orientation[3:])
    points = points[np.argsort(points @ across)]
    points = points - points[0]
    steps = np.diff(points @ across)
    if steps.min() <= 0:
        return "two slices lie at one place"
    if steps.max() > GAP * np.median(steps):
        return f"slices are missing: a gap of {steps.max():.1f} mm, where {np.median(steps):.1f} mm are usual"
    line = points[-1] / np.linalg.norm(points[-1])
    if np.linalg.norm(points - np.outer(points @ line, line), axis=1).max() > SAME_LINE:
        return "its slices do not lie in one line"
    if abs(points[-1] @ orientation[:3]) > SAME_LINE:
        return f"its slices drift {abs(points[-1] @ orientation[:3]):.1f} mm sideways, as no gantry tilts"
    return ""


def _pixels(headers):
    sides = [each.pixel for each in headers]
    if None in sides or np.min(sides) <= 0:
        return "without pixel spacing"
    if np.ptp(sides, axis=0).max() > SAME_PIXEL * np.min(sides):
        return "its slices have different pixel spacing"
    for each in headers:
        wanted = np.prod(each.shape, dtype=object) * each.colours * each.frames * ((each.bits or NATIVE_BITS) // 8)
        if each.pixel_bytes != UNDEFINED and each.pixel_bytes not in (wanted, wanted + wanted % 2):
            return f"its tags ask for {wanted} bytes of pixels, {each.pixel_bytes or 'none'} are there"
    return ""


def _values(headers):
    if any(each.rescale is None or each.rescale[0] <= 0 for each in headers):
        return "without the RescaleSlope and RescaleIntercept that make HU of its values"
    return ""
