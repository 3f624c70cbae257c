import numpy as np
import pytest

from preprocessing import orientation
from preprocessing.brain import native
from preprocessing.errors import ScanError
from preprocessing.phantoms import generate


def phantom(index, size=128):
    """(slices, spacing, upwards, cavity, lesions) of a phantom that nothing was tuned on."""
    made = generate(5, index, size, True)
    axes = orientation.axes_of(made.affine)
    parts = (orientation.reorient(part, axes) for part in (made.volume, made.brain, made.mask))
    slices, brain, mask = (np.array(part) for part in parts)
    spacing = (made.spacing[2], made.spacing[1], made.spacing[0])
    return slices.astype(np.float32), spacing, made.affine[2, axes.slice] > 0, brain > 0, mask > 0


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("index", range(6))
def test_the_cavity_is_found_and_no_blood_is_lost(index):
    slices, spacing, upwards, brain, mask = phantom(index)
    found = native.extract(slices, spacing, upwards)
    assert dice(found, brain) >= 0.95
    assert np.count_nonzero(found & mask) >= 0.99 * np.count_nonzero(mask)


def test_the_direction_of_the_slices_does_not_matter():
    slices, spacing, upwards, _, _ = phantom(0)
    found = native.extract(slices, spacing, upwards)
    np.testing.assert_array_equal(native.extract(slices[::-1], spacing, not upwards)[::-1], found)


def test_a_missing_part_of_the_skull_is_bridged():
    """A craniectomy: bone and scalp of a quarter of the vault replaced by soft tissue."""
    slices, spacing, upwards, brain, _ = phantom(1)
    rows, columns = np.mgrid[: slices.shape[1], : slices.shape[2]]
    side = (rows < slices.shape[1] * 0.45) & (columns < slices.shape[2] * 0.4)
    opened = slices.copy()
    opened[(opened > 150) & side] = 45
    found = native.extract(opened, spacing, upwards)
    assert dice(found, brain) >= 0.95


def test_blood_over_brain_that_bulges_out_of_an_opened_skull_is_kept():
    """Bone of the left half is gone and the brain comes out by 8 mm there, blood upon it."""
    slices, spacing, upwards, brain, _ = phantom(1)
    middle = [int(at.mean()) for at in np.nonzero(brain.any(axis=0))]
    rows, columns = np.mgrid[: slices.shape[1], : slices.shape[2]]
    side = np.abs(np.degrees(np.arctan2(rows - middle[0], middle[1] - columns))) < 50
    half = slice(len(slices) * 2 // 5, len(slices) * 4 // 5)
    opened, blood = slices.copy(), np.zeros_like(brain)
    pushed = round(8 / spacing[2])
    opened[half, :, :-pushed] = np.where(side[:, pushed:], slices[half, :, pushed:], slices[half, :, :-pushed])
    opened[half] = np.where((opened[half] > 150) & side, 45, opened[half])
    for plane, inside in zip(blood[half], brain[half]):
        edge = inside & ~np.roll(inside, pushed // 2, axis=1) & side
        plane[:, :-pushed] = edge[:, pushed:]
    opened[blood] = 65
    found = native.extract(opened, spacing, upwards)
    assert np.count_nonzero(found & blood) >= 0.99 * np.count_nonzero(blood) > 0


def test_solid_bone_within_is_no_hole_to_fill():
    slices, spacing, upwards, brain, _ = phantom(3)
    middle = len(slices) // 2
    row, column = (int(at.mean()) for at in np.nonzero(brain[middle]))
    slices[middle, row - 4 : row + 4, column - 4 : column + 4] = 1200
    slices[middle, row + 20, column] = 1200
    found = native.extract(slices, spacing, upwards)[middle]
    assert not found[row - 2 : row + 2, column - 2 : column + 2].any()
    assert found[row + 20, column]


def test_bright_blood_that_touches_the_skull_is_kept():
    slices, spacing, upwards, brain, _ = phantom(2)
    middle = len(slices) // 2
    plane = brain[middle]
    rows, columns = np.nonzero(plane)
    left = columns < columns.min() + 8
    slices[middle - 1 : middle + 2, rows[left], columns[left]] = 90
    found = native.extract(slices, spacing, upwards)
    assert found[middle, rows[left], columns[left]].mean() >= 0.97


@pytest.mark.parametrize("value", [-1000.0, 40.0])
def test_what_is_no_head_is_refused(value):
    with pytest.raises(ScanError, match="brain extraction: .*is it a head CT in HU"):
        native.extract(np.full((8, 64, 64), value, np.float32), (5, 3, 3))
