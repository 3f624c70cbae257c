import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from skimage.morphology import convex_hull_image

from preprocessing.brain import morphology

RADII = [(0, 0, 0), (0, 1, 1), (0, 6, 5), (1, 3, 4), (2, 5, 5), (3, 0, 12), (30, 2, 2)]


def random_mask(share=0.03):
    """Some scattered voxels and a block at the border."""
    mask = np.random.default_rng(1).random((7, 30, 26)) < share
    mask[3, :12, 20:] = True
    return mask


def by_simpleitk(operation, mask, radii):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    return sitk.GetArrayFromImage(operation(image, list(radii[::-1]), sitk.sitkBall)) > 0


@pytest.mark.parametrize("radii", RADII)
@pytest.mark.parametrize(("ours", "theirs"), [
    (morphology.dilated, sitk.BinaryDilate),
    (morphology.eroded, sitk.BinaryErode),
    (morphology.closed, sitk.BinaryMorphologicalClosing),
])
def test_the_results_are_those_of_simpleitk(ours, theirs, radii):
    mask = random_mask() if ours is not morphology.eroded else ~random_mask()
    np.testing.assert_array_equal(ours(mask, radii), by_simpleitk(theirs, mask, radii))


def test_the_hulls_are_those_of_scikit_image():
    mask = random_mask(0.01)
    mask[0], mask[1] = False, False
    mask[1, 4, 5] = mask[2] = True
    expected = [convex_hull_image(plane) if plane.any() else plane for plane in mask]
    np.testing.assert_array_equal(morphology.hulls(mask), expected)


def test_the_holes_filled_are_those_of_scipy():
    mask = random_mask(0.6)
    np.testing.assert_array_equal(morphology.filled(mask), [ndimage.binary_fill_holes(plane) for plane in mask])


def test_the_largest_piece_is_kept():
    mask = np.zeros((3, 9, 9), bool)
    mask[0, :2, :2] = mask[1:, 4:, 4:] = True
    np.testing.assert_array_equal(np.argwhere(morphology.largest(mask)).min(axis=0), [1, 4, 4])
