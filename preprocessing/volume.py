"""Reading a NIfTI file as a 3-D volume and its affine, or saying in one line why it is none."""

import contextlib
import gzip
import math
import os
import zlib

import nibabel as nib
import numpy as np

from preprocessing import header
from preprocessing.errors import ScanError

# HU come in 16 bits with a sign, and extended scales end at 30710; what is beyond is read with the wrong type.
HU = (-32768, 32767)
LONGEST, MOST = 4096, 1 << 29  # voxels along an axis and in all, 2 GiB as float32; no head CT has more (our decision)
DEFLATE_RATIO = 1032  # the most that gzip's method can shrink anything (zlib's technical notes)
NIFTI2_HEADER_BYTES = 540  # sizeof_hdr, the first field of the file; it is 348 in NIfTI-1

# What nibabel, gzip and zlib raise on damaged files.
READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    zlib.error,
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    nib.wrapstruct.WrapStructError,
)


def read_volume(path, axcodes=None):
    """Returns (data float32 (i, j, k) with slope and intercept applied, affine float64 (4, 4) -> RAS+ mm).

    A trailing axis of length 1 is dropped. `axcodes`, such as "RAS", is the orientation of files whose header
    has none.

    Raises:
        ScanError: the file is damaged, has no volume of real numbers, or has no usable orientation.
    """
    with _opened(path) as (image, stream):
        shape = volume_shape(image)
        affine = header_affine(image, shape, axcodes)
        _check_size(path, image, shape)
        data = _pixels(image, stream, shape).reshape(shape)
    return data, affine


def read_header(path, axcodes=None):
    """Returns (shape, affine) without reading the voxels. Raises ScanError as `read_volume`."""
    with _opened(path) as (image, _):
        shape = volume_shape(image)
        return shape, header_affine(image, shape, axcodes)


def check_hu(data):
    """Raises ScanError where a volume cannot be HU: not finite, or beyond what scanners write."""
    low, high = float(data.min()), float(data.max())  # a NaN is found here too: it is its own minimum
    if not np.isfinite([low, high]).all():
        raise ScanError(f"{data.size - np.count_nonzero(np.isfinite(data))} voxels are NaN or infinite")
    if low < HU[0] or high > HU[1]:
        raise ScanError(f"values {low:g} to {high:g} are no HU ({HU[0]} to {HU[1]})")


def volume_shape(image):
    """The three axes of an image's voxels. Raises ScanError where there are not three, or one is empty."""
    shape = tuple(int(size) for size in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise ScanError(f"expected a 3-D volume, is {len(shape)}-D {shape}; split it into volumes")
    if 0 in shape:
        raise ScanError(f"zero slices: the volume is empty {shape}")
    if max(shape) > LONGEST or math.prod(shape) > MOST:
        raise ScanError(f"larger than any CT: {shape}, at most {LONGEST} voxels along an axis and {MOST} in all")
    dtype = image.header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ScanError(
            f"expected one real number a voxel, is {'colour' if dtype.kind == 'V' else dtype.name}"
        )
    return shape


def header_affine(image, shape, axcodes=None):
    """The affine of an image: sform, else qform, else `axcodes` and the voxel size, in mm. Raises ScanError where
    all are missing, or the voxels' size cannot be.
    """
    affine = _affine(image, shape, axcodes)
    affine[:3] *= header.to_mm(image.header)
    reason = header.implausible(affine)
    if reason:
        raise ScanError(reason)
    return affine


def _affine(image, shape, axcodes):
    found = image.header
    if int(found["sform_code"]) or int(found["qform_code"]):
        try:
            return np.array(image.affine, np.float64)
        except READ_ERRORS as error:
            raise ScanError(
                f"no axial direction: the header's orientation is invalid ({first_line(error)})"
            ) from error
    if axcodes is None:
        raise ScanError(
            "no axial direction: sform and qform codes are 0; "
            "say what the axes are with --orientation, such as RAS"
        )
    return axcodes_affine(axcodes, found.get_zooms()[:3], shape)


def axcodes_affine(axcodes, zooms, shape):
    """An affine whose voxel axes go towards `axcodes`, with the volume's centre at 0 mm."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (row, sign) in enumerate(nib.orientations.axcodes2ornt(axcodes)):
        affine[int(row), axis] = sign * zooms[axis]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def first_line(error):
    """The first line of an error's message, for a reason that must be one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


@contextlib.contextmanager
def _opened(path):
    """Opens a file and its header; whatever is wrong with its bytes becomes a ScanError, here or while its
    voxels are read.
    """
    try:
        # A header of NaNs makes numpy warn on the terminal about what is refused a moment later.
        with (
            np.errstate(all="ignore"),
            gzip.open(path) if str(path).endswith(".gz") else open(path, "rb") as stream,
        ):
            size = stream.read(4)
            stream.seek(0)
            wide = NIFTI2_HEADER_BYTES in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
            kind = nib.Nifti2Image if wide else nib.Nifti1Image
            reason = header.problem(kind.header_class.from_fileobj(stream, check=False))
            if reason:
                raise ScanError(reason)
            stream.seek(0)
            yield kind.from_stream(stream), stream
    except ScanError:
        raise
    except READ_ERRORS as error:
        raise ScanError(f"unreadable or truncated: {first_line(error)}") from error


def _check_size(path, image, shape):
    """A damaged header may ask for more memory than there is; the file's size tells before it is given."""
    wanted = math.prod(shape) * image.header.get_data_dtype().itemsize
    stored = os.path.getsize(path) * (DEFLATE_RATIO if str(path).endswith(".gz") else 1)
    if wanted > stored:
        raise ScanError(
            f"unreadable or truncated: {shape} needs {wanted} bytes, the file holds at most {stored}"
        )


def _pixels(image, stream, shape):
    data = image.get_fdata(
        caching="unchanged", dtype=np.float32
    )  # what exceeds it becomes infinite, and is refused as such
    stream.seek(image.dataobj.offset + math.prod(shape) * image.header.get_data_dtype().itemsize)
    # gzip compares its checksum at the end of the stream alone; without reading that far, flipped bits pass unseen.
    if stream.read(1):
        raise ScanError(f"damaged: the file holds more than the voxels of {shape}")
    return data
