"""Contact sheet of slide phantoms: one row a location; the whole slide, a tumour's border and healthy tissue."""

import numpy as np

from .files import halved
from .slide import MASK, SlidePhantom

SIDE = 400  # pixels of a picture on the sheet
GAP = 6
EXTENT = 0.25  # of the section, that tumour takes on the sheet's slides
OUTLINE = (0, 160, 0)


def sheet(seed, locations, size=4096, mpp=0.5):
    """uint8 (rows, columns, 3): whole slide with the tumour's outline, its border, its middle, healthy tissue."""
    rows = []
    for index, location in enumerate(locations):
        phantom = SlidePhantom(seed, index, location, True, (size, size), mpp, EXTENT)
        tumour, section = phantom.truth()
        places = [_deepest(place) for place in (_border(tumour, section), tumour, section & ~tumour)]
        details = [_detail(phantom, place) for place in places]
        rows.append(np.concatenate([_framed(picture) for picture in (_whole(phantom, tumour), *details)], 1))
    return np.concatenate(rows)


def _border(tumour, section):
    from scipy.ndimage import binary_dilation, binary_erosion

    inner = binary_erosion(section, iterations=3)
    return binary_dilation(tumour, iterations=3) & ~binary_erosion(tumour, iterations=3) & inner


def _deepest(mask):
    """The point (row, column), in pixels of the slide, that lies deepest in a mask."""
    from scipy.ndimage import distance_transform_edt

    far = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(far.argmax(), far.shape)) * MASK


def _detail(phantom, place):
    top, left = np.clip(place - SIDE // 2, 0, np.array(phantom.shape) - SIDE)
    return phantom.render(int(top), int(left), SIDE, SIDE)


def _whole(phantom, tumour):
    from scipy.ndimage import binary_dilation
    from skimage.transform import resize

    strips = [phantom.render(top, 0, min(512, phantom.shape[0] - top), phantom.shape[1]) for top in _tops(phantom)]
    picture = np.concatenate([halved(strip) for strip in strips])
    picture = resize(picture, (SIDE, SIDE), anti_aliasing=True, preserve_range=True).astype("u1")
    inside = resize(tumour.astype(float), (SIDE, SIDE)) > 0.5
    picture[binary_dilation(inside, iterations=2) & ~inside] = OUTLINE
    return picture


def _tops(phantom):
    return range(0, phantom.shape[0], 512)


def _framed(picture):
    return np.pad(picture, [(0, GAP), (0, GAP), (0, 0)], constant_values=0)
