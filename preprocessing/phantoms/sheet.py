"""Contact sheets: slices of a scan at a display window, to be looked at."""

import numpy as np


def windowed(hu, level=40, width=80):
    """HU as uint8 grey values of a display window."""
    return (np.clip((hu - level) / width + 0.5, 0, 1) * 255).astype("u1")


def display_slices(volume, affine):
    """Axial slices (n, h, w) for display: inferior first, rows to posterior, columns to the left."""
    from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

    turn = ornt_transform(io_orientation(affine), axcodes2ornt("LPS"))
    return apply_orientation(volume, turn).transpose(2, 1, 0)


def sheet(volume, affine, mask=None, columns=8, level=40, width=80):
    """Montage (h, w, 3) uint8 of all axial slices; a mask's outline is drawn in red."""
    from scipy.ndimage import binary_erosion

    slices = windowed(display_slices(volume, affine), level, width)
    colour = np.repeat(slices[..., None], 3, -1)
    if mask is not None:
        for image, inside in zip(colour, display_slices(mask, affine) > 0):
            image[inside & ~binary_erosion(inside)] = (255, 60, 60)
    fill = -len(colour) % columns
    colour = np.concatenate([colour, np.zeros((fill, *colour.shape[1:]), "u1")])
    return np.concatenate([np.concatenate(list(row), 1) for row in np.split(colour, len(colour) // columns)])
