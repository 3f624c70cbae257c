"""Small volumes for registration: isotropic, along the world's axes, with the head alone in them.

Whatever the voxels of a scan are (thick, sheared, oblique, stored in any order), its view is a plain grid in mm.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from preprocessing.brain import native
from preprocessing.canvas import AIR_HU, has_skull
from preprocessing.errors import ScanError
from preprocessing.itk import sitk

STEP = 4.0  # mm, of the grid (our decision)
LEVELS = ((8.0, 2), (4.0, 1), (3.0, 1))  # (mm of Gaussian, steps a voxel), coarse to fine (our decision)
FINE = 2.0  # mm, of the in-plane means that are resampled to it
WHOLE = 0.99  # of a voxel of the grid that the scan must have reached: padding must not shine through
BESIDE = 2, 6  # pixels of FINE around the head between which its air is looked at
MARGIN = 24.0  # mm of air around the head
LONGEST = 1000.0  # mm; no scanner's field of view is wider, and a wrong header's head fills the memory (our decision)
HEAD = -200.0, 400.0  # HU of a whole head: from fat to bone; what lies beyond tells of no anatomy (our decision)
# Half of the shades of a whole head go to what lies between fluid and blood, a twelfth of the range: where a scan shows
# the vertex alone, its ventricles and sulci tell how it is turned (our decision).
HU = (-200.0, -20.0, 0.0, 80.0, 120.0, 400.0)
SHADES = (-200.0, -110.0, -50.0, 250.0, 280.0, 400.0)
BRAIN = -20.0, 100.0  # HU of a brain: from below fluid to blood


class View(NamedTuple):
    """A head, or a brain, on grids whose physical points are mm from its centre.

    Attributes:
        images: a SimpleITK float32 image for each of LEVELS, its shades cut to HEAD or BRAIN, whose lower end is what
            is around it.
        seen: a SimpleITK uint8 image for each, 1 where the scan reached.
        centre: (3,) world mm of its mass.
        low: HU of what is around.
        stripped: whether it is a brain.
    """

    images: tuple
    seen: tuple
    centre: np.ndarray
    low: float
    stripped: bool


def view(slices, matrix, inside=None):
    """The View of a volume.

    Args:
        slices: (n, h, w) in HU.
        matrix: takes (column, row, slice, 1) to world mm.
        inside: bool (n, h, w), the brain, where that alone is to be looked at; None finds the head, or the brain of
            a volume with 0 around it.

    Raises:
        ScanError: nothing in it is a head.
    """
    small, to_world = _reduced(slices, matrix)
    if inside is None:
        body = _body(small, tuple(np.linalg.norm(to_world[:3, :3], axis=0)[::-1]))
    else:
        body = _reduced(inside, matrix)[0] >= 0.5
    if not body.any():
        raise ScanError("nothing in it is a head")
    reached = _reached(small, body)
    places = np.argwhere(body)[:, ::-1]
    _check_size(np.ptp(places, axis=0) * np.linalg.norm(to_world[:3, :3], axis=0))
    stripped = inside is not None or not has_skull(small[body])
    low, high = BRAIN if stripped else HEAD
    shades = np.clip(small, low, high) if stripped else np.interp(small, HU, SHADES)
    small = np.where(body, shades, low).astype(np.float32)
    world = places @ to_world[:3, :3].T + to_world[:3, 3]
    centre = world.mean(0)
    to_world[:3, 3] -= centre
    first, last = world.min(0) - centre - MARGIN, world.max(0) - centre + MARGIN
    images, seen = zip(*_levels(*_onto_grid(small, reached, to_world, first, last, low)))
    return View(images, seen, centre, low, stripped)


def index_image(array):
    """A SimpleITK image whose physical points are (column, row, slice) of an array (n, h, w)."""
    return sitk.GetImageFromArray(array)


def affine_transform(matrix):
    """A SimpleITK transform of a matrix (4, 4)."""
    return sitk.AffineTransform(np.asarray(matrix[:3, :3], float).ravel().tolist(), matrix[:3, 3].tolist())


def _check_size(lengths):
    if max(lengths) > LONGEST:
        raise ScanError(f"what is in it measures {max(lengths):.0f} mm, expected a head of at most {LONGEST:.0f}")


def _reduced(slices, matrix):
    """(in-plane means over about FINE mm, the matrix of their voxels)."""
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    factors = [max(1, int(FINE / length)) for length in lengths[:2]]  # of columns, of rows
    to_full = np.diag([*factors, 1.0, 1.0])
    to_full[:2, 3] = (np.array(factors) - 1) / 2
    return native.averaged(slices, factors[::-1]), matrix @ to_full


def _body(small, steps):
    """What is no air: the head without table and holder; of a volume with 0 around, all that is not 0."""
    edges = np.concatenate([small[:, [0, -1]].ravel(), small[:, :, [0, -1]].ravel()])
    if np.abs(edges).max() < 1:
        return np.stack([ndimage.binary_fill_holes(np.abs(plane) > 1) for plane in small])
    return native.head(ndimage.gaussian_filter(small, [0, *(native.SMOOTH / step for step in steps[1:])]), steps)


def _reached(small, body):
    """float32, 0 where the scan ends and is padded with the value of air: told by the air beside the head, which has
    another value unless the scan was made so that all air is alike.
    """
    flat = ndimage.generate_binary_structure(3, 1)
    flat[[0, 2]] = False
    near, far = (ndimage.binary_dilation(body, flat, iterations=count) for count in BESIDE)
    beside = small[far & ~near]
    alike = not len(beside) or np.median(beside) <= AIR_HU + 1
    return np.ones(small.shape, np.float32) if alike else (small > AIR_HU).astype(np.float32)


def _onto_grid(small, reached, to_world, first, last, low):
    reference = sitk.Image([int(size) for size in np.ceil((last - first) / STEP)], sitk.sitkFloat32)
    reference.SetOrigin(first.tolist())
    reference.SetSpacing([STEP] * 3)
    back = affine_transform(np.linalg.inv(to_world))
    blurred = ndimage.gaussian_filter(small, _blur(np.linalg.norm(to_world[:3, :3], axis=0)[::-1]), mode="nearest")
    image = sitk.Resample(index_image(blurred), reference, back, sitk.sitkLinear, low)
    whole = sitk.Resample(index_image(reached), reference, back, sitk.sitkLinear, 0)
    return image, whole >= WHOLE


def _levels(image, seen):
    """Yields (image, seen) of every level."""
    for sigma, factor in LEVELS:
        smooth = sitk.SmoothingRecursiveGaussian(image, sigma)
        yield sitk.Shrink(smooth, [factor] * 3), sitk.Shrink(seen, [factor] * 3)


def _blur(steps):
    """Sigmas in voxels against aliasing: half a step of the grid, nothing along what is coarser already."""
    return [0.5 * STEP / step if step < STEP else 0.0 for step in steps]
