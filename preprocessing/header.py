"""What a NIfTI header contradicts itself in, where nibabel takes one side, or mends it, without a word."""

import nibabel as nib
import numpy as np

MM = {1: 1000.0, 3: 0.001}  # of a metre and a micrometre, the units of xyzt_units besides mm (NIfTI-1)
SIDES = (0.01, 100.0)  # mm of a voxel's sides; beyond, a header is damaged or its units lie (our decision)
FAR = 1e5  # mm from a scanner's origin; float32 cannot tell voxels apart much beyond (our decision)


def problem(raw):
    """Why a header cannot be trusted, or "".

    Args:
        raw: an `nibabel.Nifti1Header` as it stands in the file, read without its checks.
    """
    return _scaling(raw) or _sides(raw) or _directions(raw)


def to_mm(header):
    """What takes the units of a header's affine to mm; those that are unknown are mm."""
    return MM.get(int(header["xyzt_units"]) & 7, 1.0)


def implausible(affine):
    """Why an affine (4, 4) -> RAS+ mm is not of a scan, or ""."""
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(sides).all() or not sides.all():
        return ""  # told as an orientation that is none
    if np.abs(affine[:3, 3]).max() > FAR:
        return f"its first voxel is {np.abs(affine[:3, 3]).max():.4g} mm from the origin, expected at most {FAR:g}"
    if sides.min() >= SIDES[0] and sides.max() <= SIDES[1]:
        return ""
    told = " x ".join(f"{side:.4g}" for side in sides)
    return f"its voxels measure {told} mm, expected {SIDES[0]:g} to {SIDES[1]:g}"


def _scaling(raw):
    """nibabel ignores both numbers where the slope is none, and HU would be off by the intercept."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if np.isinf(slope) or (slope == 0 or np.isnan(slope)) and not (intercept == 0 or np.isnan(intercept)):
        return f"scl_slope {slope:g} with scl_inter {intercept:g}: its values cannot be scaled to HU"
    return ""


def _sides(raw):
    """Where there is no sform, nibabel makes lengths positive, 0 to 1 and any factor of the third axis +1."""
    if _code(raw, "sform_code"):
        return ""
    factor, *sides = (float(each) for each in raw["pixdim"][:4])
    if not (np.isfinite(sides).all() and min(sides) > 0):
        return f"no axial direction: pixdim has voxel sides {', '.join(f'{side:g}' for side in sides)}"
    if _code(raw, "qform_code") and factor not in (-1, 0, 1):
        return f"no axial direction: pixdim[0] is {factor:g}, expected 1 or -1"
    return ""


def _directions(raw):
    """FSL too refuses files whose two orientations differ in handedness."""
    if not (_code(raw, "sform_code") and _code(raw, "qform_code")):
        return ""
    try:
        found = ["".join(nib.aff2axcodes(affine)) for affine in (raw.get_sform(), raw.get_qform())]
    except (ValueError, TypeError, np.linalg.LinAlgError, nib.spatialimages.HeaderDataError):
        return ""  # one of them is none; whether the other can be used is seen later
    return "" if found[0] == found[1] else f"no axial direction: sform says {found[0]}, qform {found[1]}"


def _code(raw, name):
    """The code, 0 where it is none of NIfTI's."""
    return int(raw[name]) if int(raw[name]) in nib.nifti1.xform_codes.value_set() else 0
