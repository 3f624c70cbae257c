"""Scans through the whole of `prepare`, aligned."""

import nibabel as nib
import numpy as np
import pytest

from preprocessing import orientation
from preprocessing.ct import CtSettings, load_bag, prepare
from preprocessing.errors import UsageError
from tests.preprocessing.fuzzing.oracle import places


@pytest.fixture
def scan(phantom, tmp_path):
    """scan(index, matrix=identity) -> (path, path of its lesions) of a phantom whose header says that it was moved."""

    def write(index, matrix=None):
        made, _, _ = phantom(index)
        affine = (np.eye(4) if matrix is None else matrix) @ made.affine
        paths = tmp_path / f"{index}.nii.gz", tmp_path / f"{index}-mask.nii.gz"
        for path, data in zip(paths, (made.volume, made.mask)):
            nib.save(nib.Nifti1Image(data, affine), path)
        return paths

    return write


def rigid(template=None, **more):
    return CtSettings(size=96, align="rigid", template=template and str(template), **more)


def test_an_aligned_bag_says_where_every_pixel_is_from(scan, template, motion):
    from scipy.ndimage import map_coordinates

    path, mask = scan(3, motion((18, -12, 15), (20, 10, -15), np.zeros(3)))
    bag = load_bag(path, rigid(template), id="a", label=1, mask=mask)
    assert bag.meta["align"] == "rigid" and "flags" not in bag.meta
    assert 5 < bag.meta["rotation_degrees"] < 60
    data = nib.load(path).get_fdata()
    at = places(bag)
    within = np.all((at > 0) & (at < np.array(data.shape) - 1), axis=-1)
    wanted = map_coordinates(data, at[within].T, order=1)
    assert np.abs(bag.instances[..., 0][within].astype(float) - np.maximum(wanted, -1024)).max() < 1.1  # float16
    drawn = np.asarray(nib.load(mask).dataobj)
    cm3 = np.prod(bag.spacing) * np.count_nonzero(bag.mask) / 1000
    assert cm3 == pytest.approx(np.count_nonzero(drawn) * abs(np.linalg.det(bag.source_affine)) / 1000, rel=0.1)
    np.testing.assert_array_equal(bag.instance_label[:, 0], bag.mask.any(axis=(1, 2)))


@pytest.mark.long
def test_two_poses_of_one_head_come_out_alike(scan, motion):
    path, _ = scan(3)
    still = load_bag(path, rigid(brain="native"), id="a")
    path, _ = scan(3, motion((15, 10, -20), (10, -20, 5), np.zeros(3)))
    moved = load_bag(path, rigid(brain="native"), id="a")
    one, other = ({int(i): p[..., 0].astype(float) for i, p in zip(b.source_index, b.instances)} for b in (still, moved))
    shift = round((still.affine[2, 3] - moved.affine[2, 3]) / still.affine[2, 2])
    common = [i for i in one if i + shift in other and np.count_nonzero(one[i]) > 500]
    assert len(common) > 5
    pairs = np.concatenate([np.stack([one[i], other[i + shift]]).reshape(2, -1) for i in common], axis=1)
    assert np.corrcoef(pairs)[0, 1] > 0.9


@pytest.mark.long
def test_outside_the_brain_is_0_and_the_mask_lies_on_the_scans_own_voxels(scan, phantom):
    path, _ = scan(3)
    made = prepare(path, rigid(brain="native"), id="a")
    bag, cavity = made.bag, phantom(3)[0].brain > 0
    found = orientation.restored(made.inside, made.axes)
    assert 2 * np.count_nonzero(found & cavity) / (np.count_nonzero(found) + np.count_nonzero(cavity)) > 0.93
    values = bag.instances[bag.instances != 0].astype(float)
    assert bag.instances[0, 0, 0, 0] == 0
    assert np.percentile(values, 1) > -20 and 20 < np.median(values) < 50


def test_what_is_no_head_like_the_templates_stays_as_it_is_with_a_flag(tmp_path, template):
    random = np.random.default_rng(0)
    data = np.full((60, 60, 20), -1000, np.float32)
    data[10:50, 20:40, 2:18] = random.normal(40, 300, (40, 20, 16))
    path = tmp_path / "noise.nii"
    affine = np.diag([4.0, 4, 8, 1])
    nib.save(nib.Nifti1Image(data, affine), path)
    bag = load_bag(path, rigid(template), id="a")
    same = load_bag(path, CtSettings(size=96), id="a")
    assert bag.meta["align"] == "axes" and bag.meta["flags"].startswith("not aligned: ")
    np.testing.assert_array_equal(bag.instances, same.instances)
    np.testing.assert_array_equal(bag.transform, np.eye(4))


@pytest.mark.long
def test_slice_labels_go_to_the_slices_that_show_them(scan, template):
    path, _ = scan(3)
    total = nib.load(path).shape[2]
    bag = load_bag(path, rigid(template), id="a", label=1, slice_labels={i: int(i >= total // 2) for i in range(total)})
    order = np.argsort(bag.source_index)
    truth = bag.instance_label[order, 0]
    rising = truth[truth >= 0]
    assert {0, 1} <= set(rising.tolist())
    assert (np.diff(rising) >= 0).all() or (np.diff(rising) <= 0).all()
    uniform = load_bag(path, rigid(template), id="a", label=1, slice_labels=dict.fromkeys(range(total), 1))
    assert set(uniform.instance_label[:, 0].tolist()) <= {1, -1} and (uniform.instance_label == 1).mean() > 0.8


def test_a_template_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--template: Expected a NIfTI file. Received: .*nothing.nii"):
        CtSettings(align="rigid", template=str(tmp_path / "nothing.nii"))


def test_the_hash_follows_the_templates_voxels_and_not_its_place(tmp_path, template):
    copy, other = tmp_path / "copy.nii", tmp_path / "other.nii.gz"
    image = nib.load(template)
    nib.save(image, copy)
    data = np.asarray(image.dataobj).copy()
    data[0, 0, 0] += 1
    nib.save(nib.Nifti1Image(data, image.affine), other)
    one, same, another = (rigid(path) for path in (template, copy, other))
    assert one.hash() == same.hash() != another.hash()
    with pytest.raises(UsageError, match="Expected the template of the training data"):
        CtSettings.from_dict({**one.to_dict(), "template": str(other)})
