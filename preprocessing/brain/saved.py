"""A brain mask as a file on the scan's own voxels."""

import gzip

import nibabel as nib
import numpy as np

from preprocessing.orientation import restored


def as_nifti(prepared):
    """The mask of a `preprocessing.ct.Prepared` as the bytes of a .nii.gz file, uint8, the same at every run."""
    data = restored(prepared.inside.astype(np.uint8), prepared.axes)
    image = nib.Nifti1Image(data, np.asarray(prepared.bag.source_affine, np.float64))
    return gzip.compress(image.to_bytes(), mtime=0)
