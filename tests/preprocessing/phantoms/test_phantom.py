"""One phantom: the same head at any size, with and without its bleed; every type of bleed; tissue HU."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from preprocessing.phantoms import generate
from preprocessing.phantoms.lesions import TYPES


@pytest.fixture(scope="module")
def heads():
    """Six negatives of 96 x 96 pixels."""
    return [generate(2, i, 96, positive=False) for i in range(6)]


def voxels(phantom):
    return float(np.prod(phantom.spacing)) / 1000


def test_same_seed_and_index_are_the_same_phantom():
    a, b, c = generate(1, 4, 48), generate(1, 4, 48), generate(1, 5, 48)
    assert np.array_equal(a.volume, b.volume) and np.array_equal(a.mask, b.mask)
    assert a.volume.shape != c.volume.shape or not np.array_equal(a.volume, c.volume)


@pytest.mark.parametrize("index", range(4))
def test_a_bleed_changes_nothing_outside_the_skull(index):
    """So distractors and pose are as frequent in both classes."""
    with_bleed, without = generate(3, index, 64, True), generate(3, index, 64, False)
    assert np.array_equal(with_bleed.affine, without.affine)
    outside = ~binary_dilation(without.brain > 0, iterations=3)
    assert np.array_equal(with_bleed.volume[outside], without.volume[outside])
    assert not np.array_equal(with_bleed.volume, without.volume)


def test_size_changes_the_sampling_and_not_the_head():
    coarse, fine = generate(0, 3, 64, True, (1,)), generate(0, 3, 128, True, (1,))
    assert coarse.volume.shape[2] == fine.volume.shape[2]
    corner = [nib.affines.apply_affine(p.affine, -0.5 * np.ones(3) * (1, 1, 0)) for p in (coarse, fine)]
    np.testing.assert_allclose(corner[0], corner[1], atol=1e-6)
    assert coarse.volume_cm3 == pytest.approx(fine.volume_cm3, rel=0.15)
    brain = [np.count_nonzero(p.brain) * voxels(p) for p in (coarse, fine)]
    assert brain[0] == pytest.approx(brain[1], rel=0.02)
    small = fine.volume.reshape(64, 2, 64, 2, -1).mean((1, 3))
    assert np.corrcoef(small.ravel(), coarse.volume.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("kind", range(1, 6))
def test_every_type_can_be_asked_for_and_is_large_enough(kind):
    phantom = generate(0, 20 + kind, 96, True, (kind,))
    assert phantom.types == (TYPES[kind - 1],)
    assert set(np.unique(phantom.mask)) == {0, kind}
    assert phantom.volume_cm3 > 8


@pytest.mark.parametrize("kind", (1, 2))
def test_blood_outside_the_brain_touches_the_skull(kind):
    phantom = generate(0, 30 + kind, 96, True, (kind,))
    rim = phantom.brain.astype(bool) & ~binary_erosion(phantom.brain, iterations=2)
    # A crescent is thicker than the rim of two voxels, so its share of the rim is far from all of it.
    assert (phantom.mask[rim] > 0).mean() > 1.5 * (phantom.mask[phantom.brain > 0] > 0).mean()


def test_hu_of_brain_bone_and_air_are_those_of_real_scans(heads):
    for head in heads:
        inside = head.volume[binary_erosion(head.brain, iterations=3)]
        mode = np.bincount(inside[(inside > 0) & (inside < 100)]).argmax()
        assert 24 <= mode <= 42  # real scans: brain mode 30-40
        bone = head.volume[head.volume > 300]
        assert 500 < np.median(bone) < 1600
        assert (head.volume < -900).mean() > 0.4
        assert (inside < 15).mean() > 0.005  # CSF


def test_intracranial_volume_is_that_of_adults():
    """1.0-1.9 l, measured where the scan holds the whole cavity."""
    volumes = [np.count_nonzero(p.brain) * voxels(p) for p in (generate(4, i, 48, False) for i in range(12))]
    assert 1000 < max(volumes) < 1900
    assert min(volumes) > 600


@pytest.mark.parametrize("size", (0, 31, 4096))
def test_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match=f"Expected a matrix of 32 to 1024 pixels. Received size={size}"):
        generate(0, 0, size)
