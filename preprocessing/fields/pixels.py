"""The pixels of a field's files, TIFF or PNG, as fractions of the range of their integers."""

import contextlib
import logging
import math

import numpy as np

from preprocessing.errors import ScanError
from preprocessing.fields.errors import FieldError
from preprocessing.slides import tiff_file

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 2**31 - 1  # bytes of a record, and of what is read at once
CHANNEL_AXES = "CS"  # tifffile's letters: channels, samples of a pixel


def read_field(paths, channels):
    """Returns float16 (h, w, c) of one field, 0 to 1.

    Args:
        paths: one file a channel, or a single file of all.
        channels: their c names.

    Raises:
        FieldError: a file is damaged, is of another type, shape or number of channels than this.
    """
    each = len(channels) // len(paths)
    planes = [_named(channels[index * each], len(paths), path, each) for index, path in enumerate(paths)]
    shapes = {plane.shape[:2] for plane in planes}
    if len(shapes) > 1:
        told = ", ".join(f"{name} {_size(plane.shape)}" for name, plane in zip(channels, planes))
        raise FieldError(f"Expected channels of one size. Received: {told}")
    return np.concatenate(planes, axis=-1)


def read(path):
    """Returns (h, w, c) of one file in its own type.

    Planes may be pages, or an axis before or after rows and columns: the one that the file calls channels or
    samples, else the shorter of the first and the last.

    Raises:
        FieldError: the file is no image, damaged, or has more axes than these.
    """
    data, axes = _tiff(path) if tiff_file.is_tiff(path) else _png(path)
    kept = [axis for axis, size in enumerate(data.shape) if size > 1 or axes[axis] in "YX"]
    data, axes = data.reshape([data.shape[axis] for axis in kept]), "".join(axes[axis] for axis in kept)
    if data.ndim == 2:
        return data[..., None]
    if data.ndim != 3:
        raise FieldError(f"Expected one plane a channel. Received: axes {axes} of {data.shape}")
    return np.moveaxis(data, _channel_axis(data.shape, axes), -1)


def fractions(data):
    """float16 of the same shape, 0 to 1: of the whole range of uint8 or uint16, so that 12 bits in 16 stay small.

    Raises FieldError where it is neither these nor fractions already.
    """
    if data.dtype in (np.uint8, np.uint16):
        return np.divide(data, np.iinfo(data.dtype).max, dtype=np.float32).astype(np.float16)
    if data.dtype.kind != "f":
        raise FieldError(f"Expected uint8, uint16, or fractions from 0 to 1. Received: {data.dtype}")
    low, high = float(data.min()), float(data.max())  # a NaN is its own minimum
    if not (low >= 0 and high <= 1):
        raise FieldError(f"Expected fractions from 0 to 1. Received: {data.dtype} from {low:g} to {high:g}")
    return data.astype(np.float16)


def size(path):
    """(rows, columns, channels) of a file by its header. Raises FieldError where it cannot be read."""
    if not tiff_file.is_tiff(path):
        return read(path).shape
    with _opened(path) as series:
        long = [(length, axis) for length, axis in zip(series.shape, series.axes) if length > 1 or axis in "YX"]
    shape, axes = [length for length, _ in long], "".join(axis for _, axis in long)
    if len(shape) != 3:
        return (*shape[:2], 1) if len(shape) == 2 else (math.prod(shape), 1, 1)
    count = shape.pop(_channel_axis(shape, axes))
    return (*shape, count)


def _named(channel, files, path, each):
    """One file's planes as fractions; the reason why there are none begins with the channel."""
    before = f"{channel}: " if files > 1 else ""
    try:
        data = read(path)
        if data.shape[-1] != each:
            wanted = "one channel" if each == 1 else f"{each} channels"
            raise FieldError(f"Expected {wanted} a file. Received: {data.shape[-1]}, of {_size(data.shape)} pixels")
        return fractions(data)
    except ScanError as error:
        raise FieldError(f"{before}{error}") from error


def _channel_axis(shape, axes):
    named = [index for index, letter in enumerate(axes) if letter in CHANNEL_AXES]
    if len(named) == 1:
        return named[0]
    return 0 if shape[0] <= shape[-1] else 2


def _tiff(path):
    tiff_file.check_whole(path)
    with _opened(path) as series:
        if series.nbytes > LARGEST:
            raise FieldError(f"too large: {series.nbytes >> 20} MB, at most {LARGEST >> 20} are read at once")
        return series.asarray(), series.axes


@contextlib.contextmanager
def _opened(path):
    """The first series of a TIFF. Whatever a damaged file makes of the library is its reason."""
    import tifffile

    try:
        with _silent(), tifffile.TiffFile(path) as file:
            series = file.series[0]
            page = series.keyframe
            colours = getattr(page.photometric, "name", page.photometric)  # a number where it is none of TIFF's
            if "PhotometricInterpretation" in page.tags and colours not in ("MINISBLACK", "RGB", "YCBCR"):
                raise FieldError(f"Expected grey values, larger where brighter. Received: {colours}")
            yield series
    except (FieldError, MemoryError):
        raise
    except Exception as error:
        raise FieldError(f"damaged, by tifffile: {_line(error)}") from error


def _png(path):
    """Not by Pillow, which makes 8 bits of 16 where there are colours."""
    import imagecodecs

    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(PNG):
        raise FieldError("not an image: neither TIFF nor PNG")
    try:
        found = imagecodecs.png_decode(data)
    except Exception as error:
        raise FieldError(f"damaged, by imagecodecs: {_line(error)}") from error
    return found, "YXS"[: found.ndim]


@contextlib.contextmanager
def _silent():
    """Without what tifffile logs of odd tags, which is nothing to stop a job's messages for."""
    logger = logging.getLogger("tifffile")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _size(shape):
    return f"{shape[0]} x {shape[1]}"


def _line(error):
    return " ".join(str(error).split()) or type(error).__name__
