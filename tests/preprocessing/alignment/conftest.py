"""A phantom's head, and its template, made once a process."""

import functools

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from preprocessing import orientation
from preprocessing.phantoms import generate


@functools.lru_cache
def _phantom(index, size=96, positive=True):
    made = generate(17, index, size, positive)
    slices, to_mm = orientation.displayed(made.volume, made.affine, orientation.axes_of(made.affine))
    return made, np.array(slices, np.float32), to_mm


@pytest.fixture
def phantom():
    """phantom(index, size=96, positive=True) -> (Phantom, its slices (n, h, w), their matrix to mm)."""
    return _phantom


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Path of a head that is no other test's scan."""
    made, _, _ = _phantom(0, positive=False)
    path = tmp_path_factory.mktemp("template") / "head.nii.gz"
    nib.save(nib.Nifti1Image(made.volume, made.affine), path)
    return path


@pytest.fixture
def motion():
    """motion(angles, shift, centre) -> (4, 4), a rotation about a centre by degrees, then a shift in mm."""

    def make(angles, shift, centre):
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        matrix[:3, 3] = centre + np.array(shift) - matrix[:3, :3] @ centre
        return matrix

    return make
