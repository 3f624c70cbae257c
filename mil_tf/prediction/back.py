"""From the slices of a bag back to the scan as it came, through alignment, flips, padding and cropping."""

import nibabel as nib
import numpy as np

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


def on_scan(bag, values):
    """The values (n,) of a bag's slices on the voxels of the scan, float32 (i, j, k); 0 where no slice was scored."""
    by_index = np.zeros(bag.source_index.max() + 1, np.float32)
    by_index[bag.source_index] = values
    matrix, ends = to_bag(bag), [*reversed(bag.instances.shape[1:3]), len(by_index)]
    return np.stack([_plane(i, bag.source_shape[1:], matrix, ends, by_index) for i in range(bag.source_shape[0])])


def _plane(i, shape, matrix, ends, by_index):
    """One plane (j, k) of the scan, so that memory does not follow the volume."""
    grids = [i, *np.ogrid[: shape[0], : shape[1]]]
    places = [
        np.rint(sum(factor * grid for factor, grid in zip(line, grids)) + line[3]).astype(int) for line in matrix[:3]
    ]
    within = np.logical_and.reduce([(place >= 0) & (place < end) for place, end in zip(places, ends)])
    return np.where(within, by_index[np.clip(places[2], 0, len(by_index) - 1)], np.float32(0))


def write_map(path, bag, values):
    """Writes `on_scan` as NIfTI, to be laid over the scan in a viewer."""
    nib.save(nib.Nifti1Image(on_scan(bag, values), np.asarray(bag.source_affine, np.float64)), path)
