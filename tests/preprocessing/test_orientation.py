import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from preprocessing.errors import ScanError
from preprocessing.orientation import axes_of, check_axial, display_to_file, reorient, restored
from preprocessing.volume import axcodes_affine

CODES = [
    "".join(codes)
    for order in itertools.permutations(("LR", "PA", "IS"))
    for codes in itertools.product(*order)
]


def rotated(axis, degrees, zooms=(0.5, 0.5, 5)):
    affine = np.eye(4)
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis)).as_matrix()
    affine[:3, :3] = turn * zooms
    return affine


@pytest.mark.parametrize("codes", CODES)
def test_columns_go_left_rows_posterior_and_slices_as_in_the_file(codes):
    assert len(set(CODES)) == 48
    shape = (3, 4, 5)
    affine = axcodes_affine(codes, (1, 2, 3), shape)
    data = np.arange(60).reshape(shape)
    axes = axes_of(affine)
    view = reorient(data, axes)
    whole = affine @ display_to_file(axes, shape)
    assert whole[0, 0] < 0 and whole[1, 1] < 0  # RAS+: column against R, row against A
    np.testing.assert_array_equal(np.count_nonzero(whole[:3, :3], axis=0), 1)
    assert (whole[2, 2] > 0) == ("S" in codes)
    for k, row, column in itertools.product(*map(range, view.shape)):
        *voxel, _ = (display_to_file(axes, shape) @ [column, row, k, 1]).astype(int)
        assert view[k, row, column] == data[tuple(voxel)]
        assert k == voxel[axes.slice]


@pytest.mark.parametrize("degrees", [-44, -18.5, 10, 44])
def test_tilted_scans_have_an_axial_direction(degrees):
    axes = axes_of(rotated((1, 0, 0), degrees))
    assert (axes.column, axes.row, axes.slice) == (0, 1, 2)


def test_a_sheared_gantry_tilt_has_an_axial_direction():
    affine = np.diag([0.5, 0.5, 5, 1.0])
    affine[1, 2] = np.tan(np.radians(25)) * 5
    assert axes_of(affine).slice == 2


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (rotated((1, 1, 1), 60), "axis 0 is 48 degrees from left-right, at most 45 are allowed"),
        (np.diag([0.5, 0.5, 0, 1]), "the affine is singular"),
        (np.full((4, 4), np.nan), "the affine has NaN or infinite values"),
        (np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]), "the affine is singular"),
    ],
)
def test_no_axial_direction_is_said(affine, message):
    with pytest.raises(ScanError, match=f"no axial direction: .*{message}"):
        axes_of(affine.astype(float))


def test_small_units_are_not_singular():
    assert axes_of(np.diag([5e-4, 5e-4, 5e-3, 1])).slice == 2


@pytest.mark.parametrize("steps, planes", [((0.5, 5, 0.5), "coronal"), ((5, 0.5, 0.6), "sagittal"), ((0.5, 0.5, 5), ""), ((1, 1, 0.6), ""), ((6, 6, 2), "")])
def test_only_axially_acquired_volumes_are_taken(steps, planes):
    affine = np.diag([*steps, 1.0])
    if not planes:
        return check_axial(affine, axes_of(affine))
    with pytest.raises(ScanError, match=f"not axially acquired: {planes} planes 5.00 mm apart, 0.[56]0 mm along the patient"):
        check_axial(affine, axes_of(affine))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRA", "PIR"])
def test_restored_undoes_reorient(codes):
    data = np.arange(24).reshape(2, 3, 4)
    axes = axes_of(axcodes_affine(codes, (1, 1, 1), data.shape))
    np.testing.assert_array_equal(restored(reorient(data, axes), axes), data)
