import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from scipy.spatial.transform import Rotation

from mil_tf.localization.peaks import resized
from mil_tf.prediction import back
from mil_tf.prediction.answer import in_order
from preprocessing.ct import CtSettings, load_bag
from preprocessing.phantoms import generate


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Path of a phantom whose header says that it lies turned; `mask.nii.gz` beside it is of its bleed."""
    made = generate(17, 3, 96, True)
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("xyz", (15, -10, 12), degrees=True).as_matrix()
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    nib.save(nib.Nifti1Image(made.volume, turned @ made.affine), path)
    nib.save(nib.Nifti1Image((made.mask > 0).astype(np.uint8), turned @ made.affine), path.with_name("mask.nii.gz"))
    return path


@pytest.fixture(scope="module")
def mask(scan):
    return nib.load(scan.with_name("mask.nii.gz")).get_fdata() > 0


@pytest.fixture(scope="module", params=["axes", "rigid"])
def bag(request, scan):
    """Its bag of a smaller canvas, in the order of the slices, where the bag's mask has lost them."""
    made = load_bag(scan, CtSettings(size=80, align=request.param), id="a", mask=scan.with_name("mask.nii.gz"))
    made.mask = made.mask[np.argsort(made.source_index, kind="stable")]
    return in_order(made)


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


def test_maps_lie_where_their_slices_do(bag, scan):
    """Slices as maps of themselves: the HU drawn back are the file's, up to interpolation and noise."""
    data, found = np.maximum(nib.load(scan).get_fdata(), -1024), back.on_scan(bag, bag.instances[..., 0])
    assert found.shape == data.shape and found.dtype == np.float32
    seen = back.on_scan(bag, np.ones(bag.n)) == 1
    assert 0.3 < seen.mean() < 1 and (found[~seen] == 0).all()
    brain = seen & (data > 20) & (data < 60)
    assert np.median(np.abs(found - data)[brain]) < (10 if back.is_aligned(bag) else 0.01)


def test_a_bleed_drawn_back_is_the_files(bag, mask):
    drawn, seen = back.on_scan(bag, bag.mask) > 0.5, back.on_scan(bag, np.ones(bag.n)) == 1
    overlap = 2 * (drawn & mask).sum() / (drawn.sum() + mask[seen].sum())
    assert overlap > (0.8 if back.is_aligned(bag) else 0.999)


def test_a_mask_drawn_back_is_the_files_and_has_no_other_class(bag, mask):
    classes = 3 * (bag.mask > 0).astype(np.uint8)
    drawn, seen = back.classes_on_scan(bag, classes), back.on_scan(bag, np.ones(bag.n)) == 1
    assert drawn.dtype == np.uint8 and set(np.unique(drawn)) == {0, 3} and drawn.shape == mask.shape
    overlap = 2 * ((drawn > 0) & mask).sum() / ((drawn > 0).sum() + mask[seen].sum())
    assert overlap > (0.8 if back.is_aligned(bag) else 0.999)


def test_a_small_map_is_drawn_as_on_its_slices(bag):
    """A map of a quarter of the size, and the same resized to the slices."""
    small = uniform_filter(np.random.default_rng(0).random((bag.n, 20, 20), np.float32), (0, 3, 3))
    large = np.stack([resized(one, (80, 80)) for one in small])
    apart = np.abs(back.on_scan(bag, small) - back.on_scan(bag, large))
    assert apart.max() < (0.1 if back.is_aligned(bag) else 1e-3)  # between pixels, the latter bends where they do
    assert np.median(apart) < 1e-2


def test_the_peak_of_a_small_map_lies_in_the_bleed_that_it_shows(bag, mask):
    small = uniform_filter(bag.mask.astype(np.float32), (0, 9, 9))[:, 1::4, 1::4]
    found = back.on_scan(bag, small)
    assert mask[np.unravel_index(found.argmax(), found.shape)]


def test_a_pixel_has_a_voxel_and_a_place_in_mm(bag, scan):
    image, (index, *pixel) = nib.load(scan), (bag.source_index[bag.n // 2], 30, 52)
    voxel, mm = back.scan_voxel(bag, *pixel, index), back.scan_mm(bag, *pixel, index)
    apart = np.linalg.solve(image.affine, [*mm, 1])[:3] - voxel
    assert np.abs(apart).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(back.to_bag(bag) @ [*(voxel + apart), 1], [52, 30, index, 1], atol=1e-3)
    assert back.scan_voxel(bag, *pixel, index + 1000) is None


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
