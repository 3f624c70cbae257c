"""Small NIfTI files, good and bad."""

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.diag([0.5, 0.5, 5, 1])


@pytest.fixture
def save(tmp_path):
    """save(name, data=None, affine=RAS 0.5x0.5x5 mm, codes=(1, 1), slope=None) -> path of a NIfTI file; int16
    unless data has a type.
    """

    def write(name, data=None, affine=AFFINE, codes=(1, 1), seed=0, image=nib.Nifti1Image):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            data = np.random.default_rng(seed).integers(-1000, 1000, (10, 12, 6)).astype(np.int16)
        made = image(data, None)  # given here, nibabel would refuse a singular affine
        made.set_sform(affine, codes[0])
        made.set_qform(affine if codes[1] else None, codes[1])
        nib.save(made, path)
        return path

    return write
