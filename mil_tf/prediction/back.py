"""From the slices of a bag back to the scan as it came, through alignment, flips, padding and cropping."""

import os

import nibabel as nib
import numpy as np
from scipy.ndimage import map_coordinates

from preprocessing.orientation import axes_of


def to_bag(bag):
    """(4, 4) that takes a voxel of the scan's file to (column, row, source index) of the bag."""
    affine, transform, source = (np.asarray(m, np.float64) for m in (bag.affine, bag.transform, bag.source_affine))
    return np.linalg.inv(transform @ affine) @ source


def is_aligned(bag):
    """Whether the bag's slices are not the file's own."""
    return not np.array_equal(bag.transform, np.eye(4))


def scan_slice(bag, index):
    """The slice of the file that slice `index` of the bag shows; `index` itself without alignment.

    An aligned slice crosses several: it is the one at the middle of what the slice shows; None where it was empty.
    """
    if not is_aligned(bag):
        return int(index)
    seen = np.argwhere([image != image[0, 0] for image in bag.instances[bag.source_index == index, ..., 0]])
    if not len(seen):
        return None
    _, row, column = seen.mean(axis=0)
    axis = axes_of(bag.source_affine).slice
    found = np.linalg.inv(to_bag(bag))[axis] @ [column, row, index, 1]
    return int(np.clip(np.rint(found), 0, bag.source_shape[axis] - 1))


def scan_mm(bag, row, column, index):
    """RAS+ mm of the scan, (3,), where a pixel of slice `index` of the bag has its centre."""
    transform, affine = (np.asarray(m, np.float64) for m in (bag.transform, bag.affine))
    return (transform @ affine @ [column, row, index, 1])[:3]


def scan_voxel(bag, row, column, index):
    """[i, j, k] of the file's voxel there; None where the bag shows what the file has not."""
    found = np.rint((np.linalg.inv(to_bag(bag)) @ [column, row, index, 1])[:3]).astype(int)
    return found.tolist() if ((found >= 0) & (found < bag.source_shape)).all() else None


def on_scan(bag, values):
    """The values of a bag's slices on the voxels of the scan, float32 (i, j, k); 0 where no slice was scored.

    Args:
        bag: a Bag of n slices (h, w).
        values: (n,), each drawn over its slice; or maps (n, h', w') that cover the slices, drawn linearly between their
            positions and, where the scan was aligned, between slices.
    """
    values = np.asarray(values, np.float32)
    return _laid(bag, values, _nearest if values.ndim == 1 else _linear)


def classes_on_scan(bag, masks):
    """The masks of a bag's slices on the voxels of the scan, uint8 (i, j, k), by the nearest pixel; 0 elsewhere.

    Args:
        bag: a Bag of n slices (h, w).
        masks: class ids (n, h, w).
    """
    return _laid(bag, np.asarray(masks, np.uint8), _pixel)


def _laid(bag, values, drawn):
    by_index = np.zeros((slice_count(bag), *values.shape[1:]), values.dtype)
    by_index[bag.source_index] = values
    matrix, ends = to_bag(bag), [*reversed(bag.instances.shape[1:3]), len(by_index)]
    found = np.empty(bag.source_shape, values.dtype)
    for i, plane in enumerate(found):  # one (j, k) at a time, so that memory does not follow the volume
        places = _places(i, plane.shape, matrix)
        within = np.logical_and.reduce([(np.rint(at) >= 0) & (np.rint(at) < end) for at, end in zip(places, ends)])
        plane[:] = np.where(within, drawn(by_index, places, ends), values.dtype.type(0))
    return found


def slice_count(bag):
    """How many slices there are, those dropped as empty too."""
    return bag.meta["aligned_slices"] if is_aligned(bag) else int(bag.source_shape[axes_of(bag.source_affine).slice])


def _places(i, shape, matrix):
    """Column, row and source index of the bag at every voxel of a plane (j, k) of the scan, each of that shape."""
    grids = [i, *np.ogrid[: shape[0], : shape[1]]]
    return [sum(factor * grid for factor, grid in zip(line, grids)) + line[3] for line in matrix[:3]]


def _nearest(by_index, places, ends):
    return by_index[np.clip(np.rint(places[2]).astype(int), 0, len(by_index) - 1)]


def _pixel(by_index, places, ends):
    column, row, index = (np.clip(np.rint(at).astype(int), 0, end - 1) for at, end in zip(places, ends))
    return by_index[index, row, column]


def _linear(by_index, places, ends):
    """As `mil_tf.localization.peaks.resized` would draw every map on its slice, which here is never made."""
    scales = [shown / end for shown, end in zip(by_index.shape[::-1], ends)]
    column, row, index = [(at + 0.5) * scale - 0.5 for at, scale in zip(places, scales)]
    return map_coordinates(by_index, [index, row, column], order=1, mode="nearest")


def write_map(path, bag, values):
    """Writes `on_scan` as NIfTI, whole, to be laid over the scan in a viewer."""
    write_volume(path, bag, on_scan(bag, values))


def write_volume(path, bag, volume):
    """Writes what lies on the voxels of a bag's scan as NIfTI, whole."""
    part = path.with_name(f".part-{path.name}")
    nib.save(nib.Nifti1Image(volume, np.asarray(bag.source_affine, np.float64)), part)
    os.replace(part, path)
