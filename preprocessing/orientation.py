"""Axes of a file -> axes of a bag, by permuting and flipping alone, with the affine kept exact.

A bag is shown as a DICOM axial image: columns go to the patient's Left, rows to Posterior. Its slices stay in
the order of the file's axial axis, whichever way that goes, so that `source_index` is the number a viewer of
the file shows. Nothing is interpolated.
"""

from typing import NamedTuple

import nibabel as nib
import numpy as np

from preprocessing.errors import ScanError

MAX_ANGLE = (
    45.0  # degrees; beyond it another axis would be as good, so that "axial" means nothing (our decision)
)
COARSER = 2.0  # times the other two sides of a voxel, which lie within the plane (our decision)
AXES = ("left-right", "posterior-anterior", "inferior-superior")


class Axes(NamedTuple):
    """Which file axis is the slice, row and column, and whether row and column are flipped."""

    slice: int
    row: int
    column: int
    flip_row: bool
    flip_column: bool


def axes_of(affine):
    """Returns the Axes of a file with this affine (4, 4) -> RAS+ mm.

    Raises ScanError where the affine is not finite or singular, or an axis is more than 45 degrees from the
    patient's.
    """
    if not np.isfinite(affine).all():
        raise ScanError("no axial direction: the affine has NaN or infinite values")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    # Relative to the voxel size, so that a scan in micrometres is judged as one in millimetres.
    if not lengths.all() or np.linalg.matrix_rank(affine[:3, :3] / lengths, tol=1e-3) < 3:
        raise ScanError("no axial direction: the affine is singular")
    found = nib.io_orientation(affine)
    _check_angles(affine[:3, :3] / lengths, found)
    column, row, slice_ = (int(np.flatnonzero(found[:, 0] == world)[0]) for world in range(3))
    # RAS+ grows to Right and Anterior; the display grows to Left and Posterior.
    return Axes(slice_, row, column, flip_row=found[row, 1] > 0, flip_column=found[column, 1] > 0)


def check_axial(affine, axes):
    """Raises ScanError where a volume was acquired in coronal or sagittal planes: those lie further apart than any
    voxels within a plane, and its axial slices would be made of steps.
    """
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    for axis, planes in ((axes.row, "coronal"), (axes.column, "sagittal")):
        if lengths[axis] > COARSER * max(np.delete(lengths, axis)):
            raise ScanError(
                f"not axially acquired: {planes} planes {lengths[axis]:.2f} mm apart, "
                f"{lengths[axes.slice]:.2f} mm along the patient"
            )


def reorient(data, axes):
    """Returns a view (slices, rows, columns) of a file's voxels (i, j, k)."""
    view = data.transpose(axes.slice, axes.row, axes.column)
    return view[:, :: -1 if axes.flip_row else 1, :: -1 if axes.flip_column else 1]


def displayed(data, affine, axes):
    """(`reorient`ed voxels of a file, the matrix (4, 4) that takes their (column, row, slice, 1) to RAS+ mm)."""
    return reorient(data, axes), affine @ display_to_file(axes, data.shape)


def restored(slices, axes):
    """Undoes `reorient`: a view (i, j, k) of (slices, rows, columns)."""
    view = slices[:, :: -1 if axes.flip_row else 1, :: -1 if axes.flip_column else 1]
    return view.transpose(np.argsort([axes.slice, axes.row, axes.column]))


def display_to_file(axes, shape):
    """The matrix (4, 4) that takes (column, row, slice, 1) of the reoriented volume to a voxel of the file of
    this shape.
    """
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    matrix[axes.slice, 2] = 1
    for axis, place, flip in ((axes.column, 0, axes.flip_column), (axes.row, 1, axes.flip_row)):
        matrix[axis, place] = -1 if flip else 1
        matrix[axis, 3] = shape[axis] - 1 if flip else 0
    return matrix


def _check_angles(directions, found):
    for axis, (world, _) in enumerate(found):
        angle = np.degrees(np.arccos(min(1.0, abs(directions[int(world), axis]))))
        if angle > MAX_ANGLE + 1e-6:
            raise ScanError(
                f"no axial direction: its axis {axis} is {angle:.0f} degrees from {AXES[int(world)]}, "
                f"at most {MAX_ANGLE:.0f} are allowed"
            )
