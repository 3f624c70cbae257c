"""One field -> one `Bag` of a single instance, the whole image (kraus2016, section 4.1)."""

import numpy as np

from preprocessing.errors import ScanError
from preprocessing.fields import pixels
from preprocessing.fields.errors import FieldError
from tfrecords import Bag

UNKNOWN = 255  # in a mask: a cell whose class is not known


def prepare(paths, settings, *, id, label=(-1,), patient=None, meta=None, points=None, mask=None):
    """Returns a field's Bag.

    Args:
        paths: of its files, one a channel in the order of the settings, or a single one of all channels.
        settings: FieldSettings.
        id, patient: strings; the patient is the id unless given.
        label: 0 or 1 for each class; -1 is unknown.
        meta: dict that goes to the bag's `meta`; `flags` in it say what was odd.
        points: [(y, x, class index or -1)] of its cells, in pixels of the image as it came, or None.
        mask: path of a picture of the image's size: 0 no cell, 1 + class index, 255 a cell of unknown class; or None.

    Raises:
        FieldError: the files or the mask cannot be used; the message is the reason.
    """
    image = pixels.read_field(paths, settings.channels)
    shape = image.shape[:2]
    rows, columns = window(shape, settings.crop)
    image = np.ascontiguousarray(image[None, rows, columns])
    _check(image[0], settings.channels)
    marked = None if points is None else _points(points, shape)
    drawn = None if mask is None else _mask(mask, shape, len(label))[None, rows, columns]
    beyond = 0 if points is None else len(points) - len(marked)
    flags = {"flags": f"{beyond} of {len(points)} cells lie beyond the image"} if beyond else {}
    return Bag(
        id=id,
        patient=patient or id,
        label=label,
        instances=image,
        source_index=[0],
        points=None if marked is None else _cropped(marked, rows, columns),
        mask=None if drawn is None else np.ascontiguousarray(drawn),
        meta={**(meta or {}), **flags},
    )


def window(shape, crop):
    """The slices (rows, columns) that a crop around the middle keeps; of an odd rest the larger half is behind.

    Raises FieldError where the image is smaller than the crop.
    """
    if crop is None:
        return slice(0, shape[0]), slice(0, shape[1])
    if any(side < wanted for side, wanted in zip(shape, crop)):
        raise FieldError(f"smaller than --crop: {shape[0]} x {shape[1]} pixels of {crop[0]} x {crop[1]}")
    starts = [(side - wanted) // 2 for side, wanted in zip(shape, crop)]
    return tuple(slice(start, start + wanted) for start, wanted in zip(starts, crop))


def _check(image, channels):
    """Raises FieldError where a record cannot hold an image (h, w, c), or a channel shows nothing."""
    if image.nbytes > pixels.LARGEST:
        raise FieldError(f"too large: {image.nbytes >> 20} MB, a record holds {pixels.LARGEST >> 20}; --crop helps")
    for name, plane in zip(channels, np.moveaxis(image, -1, 0)):
        if plane.min() == plane.max():
            raise FieldError(f"{name}: all its pixels are {float(plane.flat[0]):g}")


def _points(points, shape):
    """float32 (p, 4) of the cells that lie on the image."""
    found = np.array([(0, *point) for point in points], np.float32).reshape(-1, 4)
    return found[((found[:, 1:3] >= 0) & (found[:, 1:3] < shape)).all(axis=1)]


def _cropped(points, rows, columns):
    """float32 (p, 4) of the cells within a window, from its corner."""
    moved = points - np.array([0, rows.start, columns.start, 0], np.float32)
    sides = rows.stop - rows.start, columns.stop - columns.start
    return moved[((moved[:, 1:3] >= 0) & (moved[:, 1:3] < sides)).all(axis=1)]


def _mask(path, shape, classes):
    """uint8 (h, w) of a mask's file."""
    try:
        found = pixels.read(path)
    except ScanError as error:
        raise FieldError(f"mask: {error}") from error
    if found.dtype != np.uint8 or found.shape != (*shape, 1):
        told = f"{found.dtype} of {found.shape}"
        raise FieldError(f"mask: Expected uint8 of the image's {shape[0]} x {shape[1]} pixels. Received: {told}")
    wrong = found[(found > classes) & (found != UNKNOWN)]
    if wrong.size:
        raise FieldError(f"mask: Expected 0 to {classes}, or {UNKNOWN}. Received: {wrong.flat[0]}")
    return found[..., 0]
