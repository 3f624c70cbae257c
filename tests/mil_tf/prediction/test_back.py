import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mil_tf.prediction import back
from mil_tf.prediction.answer import in_order
from preprocessing.ct import CtSettings, load_bag
from preprocessing.phantoms import generate


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Path of a phantom whose header says that it lies turned."""
    made = generate(17, 3, 96, True)
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("xyz", (15, -10, 12), degrees=True).as_matrix()
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    nib.save(nib.Nifti1Image(made.volume, turned @ made.affine), path)
    return path


@pytest.fixture(scope="module", params=["axes", "rigid"])
def bag(request, scan):
    """Its bag of a smaller canvas, in the order of the slices."""
    return in_order(load_bag(scan, CtSettings(size=80, align=request.param), id="a"))


def test_a_bags_pixels_are_found_again_in_the_file(bag, scan):
    """The HU that a bag has at a voxel of the file is the file's, up to interpolation and noise."""
    data = np.maximum(nib.load(scan).get_fdata(), -1024)
    voxels = np.argwhere((data > 20) & (data < 60))[::97]
    places = np.rint(np.c_[voxels, np.ones(len(voxels))] @ back.to_bag(bag).T)[:, :3].astype(int)
    rows = np.searchsorted(bag.source_index, places[:, 2])
    inside = ((places[:, :2] >= 0) & (places[:, :2] < 80)).all(1) & np.isin(places[:, 2], bag.source_index)
    assert inside.mean() > 0.8
    found = bag.instances[rows[inside], places[inside, 1], places[inside, 0], 0].astype(float)
    assert np.median(np.abs(found - data[tuple(voxels[inside].T)])) < 10


def test_the_map_has_every_slices_value_where_the_slice_was(bag):
    values = np.linspace(0.1, 0.9, bag.n).astype(np.float32)
    found = back.on_scan(bag, values)
    assert found.shape == tuple(bag.source_shape) and found.dtype == np.float32
    voxels = np.argwhere(found > 0)[::331]
    places = np.rint(np.c_[voxels, np.ones(len(voxels))] @ back.to_bag(bag).T)[:, :3]
    wanted = dict(zip(bag.source_index.tolist(), values))
    assert all(found[tuple(voxel)] == wanted[index] for voxel, index in zip(voxels, places[:, 2]))
    assert (found == 0).any()  # the canvas is smaller than the scan


def test_slices_of_the_file_are_named(bag):
    named = [back.scan_slice(bag, index) for index in bag.source_index]
    assert min(named) >= 0 and max(named) < bag.source_shape[2]
    if back.is_aligned(bag):
        assert (np.diff(named) >= 0).all() or (np.diff(named) <= 0).all()
    else:
        assert named == bag.source_index.tolist()


def test_the_map_is_a_file_on_the_scans_voxels(bag, scan, tmp_path):
    back.write_map(tmp_path / "map.nii.gz", bag, np.ones(bag.n))
    image, source = nib.load(tmp_path / "map.nii.gz"), nib.load(scan)
    assert image.shape == source.shape
    np.testing.assert_allclose(image.affine, source.affine, atol=1e-4)
