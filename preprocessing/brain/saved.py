"""A brain mask as a file on the scan's own voxels."""

import gzip

import nibabel as nib
import numpy as np

from preprocessing.orientation import restored

NOTE = b"brain mask by mil-tf"  # in the header, so that no command removes a mask that a person drew


def as_nifti(prepared):
    """The mask of a `preprocessing.ct.Prepared` as the bytes of a .nii.gz file, uint8, the same at every run."""
    data = restored(prepared.inside.astype(np.uint8), prepared.axes)
    image = nib.Nifti1Image(data, np.asarray(prepared.bag.source_affine, np.float64))
    image.header["descrip"] = NOTE
    return gzip.compress(image.to_bytes(), mtime=0)


def is_own(path):
    """Whether a file is a mask of `as_nifti`."""
    try:
        return nib.load(path).header["descrip"].item() == NOTE
    except (nib.filebasedimages.ImageFileError, OSError, EOFError):
        return False
