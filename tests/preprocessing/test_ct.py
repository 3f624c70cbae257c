import nibabel as nib
import numpy as np
import pytest

from preprocessing.ct import CtSettings, load_bag
from preprocessing.errors import ScanError
from preprocessing.phantoms import generate
from preprocessing.volume import axcodes_affine


def undone(bag):
    """The instances in the order of the file."""
    return bag.instances[np.argsort(bag.source_index), ..., 0]


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRA", "IPL", "PSR", "AIL"])
@pytest.mark.parametrize("size", [8, 9, 30])
def test_a_marker_is_found_again_through_the_affine(save, codes, size):
    shape = (11, 9, 10)
    affine = axcodes_affine(codes, (0.5, 2, 3), shape) @ np.array(
        [[1, 0, 0, 3], [0, 1, 0, -2], [0, 0, 1, 1], [0, 0, 0, 1.0]]
    )
    data = np.random.default_rng(0).integers(-100, 100, shape).astype(np.int16)
    marker = (5, 4, 6)
    data[marker] = 1000
    bag = load_bag(save("a.nii.gz", data, affine), CtSettings(size=size), id="a")
    place, row, column, _ = np.argwhere(bag.instances == 1000)[0]
    point = bag.affine @ [column, row, bag.source_index[place], 1]
    np.testing.assert_allclose(point, affine @ [*marker, 1], atol=1e-4)
    voxel = np.linalg.inv(bag.source_affine) @ bag.transform @ point
    np.testing.assert_allclose(voxel[:3], marker, atol=1e-4)
    np.testing.assert_allclose(bag.spacing, np.linalg.norm(bag.affine[:3, :3], axis=0), rtol=1e-6)
    assert tuple(bag.source_shape) == shape


def test_an_oblique_affine_is_kept_exactly(save):
    turn = nib.eulerangles.euler2mat(0.1, -0.2, 0.3)
    affine = nib.affines.from_matvec(turn * [0.5, 0.4, 5], [1, 2, 3])
    data = np.zeros((9, 7, 5), np.int16)
    data[:, :, 3], data[2, 5, 3] = 5, 900
    bag = load_bag(save("a.nii", data, affine), CtSettings(size=8), id="a")
    assert list(bag.source_index) == [3]
    _, row, column, _ = np.argwhere(bag.instances == 900)[0]
    np.testing.assert_allclose((bag.affine @ [column, row, 3, 1])[:3], (affine @ [2, 5, 3, 1])[:3], atol=1e-4)


def test_hu_are_kept_to_float16(save):
    data = np.float64([[[-1024.3, 0.1], [60.06, 3071]], [[2049, 1], [2, 3]]])
    bag = load_bag(save("a.nii", data, np.diag([-1, -1, 1, 1])), CtSettings(size=2), id="a")
    np.testing.assert_array_equal(undone(bag), data.transpose(2, 1, 0).astype(np.float32).astype(np.float16))


def test_the_shuffle_follows_the_seed_and_the_id_and_can_be_undone(save):
    path = save("a.nii", np.random.default_rng(0).integers(0, 99, (4, 4, 30)).astype(np.int16))
    first, same = (load_bag(path, CtSettings(size=4), id="a") for _ in range(2))
    np.testing.assert_array_equal(first.source_index, same.source_index)
    assert sorted(first.source_index) == list(range(30)) != list(first.source_index)
    for other in (
        load_bag(path, CtSettings(size=4, seed=1), id="a"),
        load_bag(path, CtSettings(size=4), id="b"),
    ):
        assert list(other.source_index) != list(first.source_index)
        np.testing.assert_array_equal(undone(other), undone(first))


def test_constant_slices_are_dropped_or_kept(save):
    data = np.random.default_rng(0).integers(0, 99, (4, 4, 5)).astype(np.int16)
    data[..., 1], data[..., 3] = 0, -1000
    path = save("a.nii", data)
    assert sorted(load_bag(path, CtSettings(size=6), id="a").source_index) == [0, 2, 4]
    assert sorted(load_bag(path, CtSettings(size=6, keep_empty=True), id="a").source_index) == [0, 1, 2, 3, 4]
    empty = save("b.nii", np.full((4, 4, 5), -1000, np.int16))
    with pytest.raises(
        ScanError, match="zero slices: all 5 are of one constant value .`preprocessing ct --keep-empty` keeps such"
    ):
        load_bag(empty, CtSettings(), id="b")
    assert load_bag(empty, CtSettings(size=4, keep_empty=True), id="b").n == 5


def test_padding_is_air_or_zero_or_what_is_asked(save):
    brain = np.zeros((6, 6, 2), np.int16)
    brain[2:4, 2:4] = [[[30, 40], [31, 41]], [[32, 42], [33, 43]]]
    assert load_bag(save("a.nii", brain), CtSettings(size=8), id="a").instances[0, 0, 0, 0] == 0
    head = brain - 1000
    path = save("b.nii", head)
    for null, corner in (("auto", -1024), (7, 7)):
        assert load_bag(path, CtSettings(size=8, null=null), id="b").instances[0, 0, 0, 0] == corner


def test_clipping_sets_negative_hu_and_padding_to_zero(save):
    bag = load_bag(save("a.nii"), CtSettings(size=16, clip_negative=True), id="a")
    plain = load_bag(save("a.nii"), CtSettings(size=16, null=0), id="a")
    np.testing.assert_array_equal(bag.instances, np.maximum(plain.instances, 0))


def test_an_unknown_label_is_minus_one(save):
    bag = load_bag(save("a.nii"), CtSettings(size=8), id="a")
    assert (
        bag.label.tolist() == [-1] and bag.patient == "a" and bag.instance_label is None and bag.mask is None
    )
    bag = load_bag(save("a.nii"), CtSettings(size=8), id="a", label=1, patient="p", meta={"site": "x"})
    assert bag.label.tolist() == [1] and bag.patient == "p" and bag.meta == {"site": "x"}


def test_a_mask_follows_its_scan(save):
    drawn = np.zeros((10, 12, 6), np.uint8)
    drawn[4, 6, 2], drawn[5, 5, 4] = 3, 1
    scan = np.where(drawn, 500, np.random.default_rng(0).integers(0, 99, drawn.shape)).astype(np.int16)
    bag = load_bag(save("a.nii", scan), CtSettings(size=9), id="a", label=1, mask=save("m.nii.gz", drawn))
    np.testing.assert_array_equal(bag.mask > 0, bag.instances[..., 0] == 500)
    assert bag.mask.sum() == 4
    assert sorted(bag.source_index[bag.instance_label[:, 0] == 1]) == [2, 4]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            {"data": np.zeros((10, 12, 5), np.uint8)},
            r"mask: its shape \(10, 12, 5\) differs from the scan's \(10, 12, 6\)",
        ),
        (
            {"data": np.zeros((10, 12, 6), np.uint8), "affine": np.diag([-0.5, 0.5, 5, 1])},
            "mask: its affine differs",
        ),
        ({"data": np.full((10, 12, 6), 0.5)}, "mask: expected whole numbers 0 to 255"),
        ({"data": np.full((10, 12, 6), 300, np.int16)}, "mask: expected whole numbers 0 to 255"),
        ({"data": np.full((10, 12, 6), np.nan)}, "mask: expected whole numbers 0 to 255"),
        ({"data": np.zeros((10, 12, 6, 2), np.uint8)}, "mask: expected a 3-D volume"),
    ],
)
def test_a_mask_of_another_scan_is_refused(save, mask, message):
    with pytest.raises(ScanError, match=message):
        load_bag(save("a.nii"), CtSettings(size=8), id="a", label=1, mask=save("m.nii", **mask))


def test_slice_labels_are_kept_by_source_index(save):
    bag = load_bag(save("a.nii"), CtSettings(size=8), id="a", label=1, slice_labels={0: 1, 5: 0})
    found = dict(zip(bag.source_index.tolist(), bag.instance_label[:, 0].tolist()))
    assert found == {0: 1, 1: -1, 2: -1, 3: -1, 4: -1, 5: 0}
    with pytest.raises(ScanError, match="slice truth names slice 6, the scan has slices 0 to 5"):
        load_bag(save("a.nii"), CtSettings(size=8), id="a", label=1, slice_labels={6: 1})


def test_a_negative_bag_has_negative_slices_where_there_is_truth_at_all(save):
    path = save("a.nii")
    assert (
        load_bag(path, CtSettings(size=8), id="a", label=0, truth=True).instance_label.tolist() == [[0]] * 6
    )
    assert (
        load_bag(path, CtSettings(size=8), id="a", label=1, truth=True).instance_label.tolist() == [[-1]] * 6
    )
    assert load_bag(path, CtSettings(size=8), id="a", label=0).instance_label is None


def test_all_but_the_brain_is_zero_and_its_volume_is_known(save):
    made = generate(5, 0, 96, False)
    path = save("a.nii.gz", made.volume, made.affine)
    whole = load_bag(path, CtSettings(size=96), id="a")
    bag = load_bag(path, CtSettings(size=96, brain="native"), id="a")
    cm3 = np.count_nonzero(made.brain) * np.prod(made.spacing) / 1000
    assert bag.meta["brain"] == "native" and bag.meta["brain_cm3"] == pytest.approx(cm3, rel=0.1)
    assert "flags" not in bag.meta and bag.n <= whole.n
    places = [list(whole.source_index).index(i) for i in bag.source_index]
    one, other = bag.instances.astype(np.float32), whole.instances[places].astype(np.float32)
    assert ((one == 0) | (one == other)).all() and (one == 0).mean() > 0.5 and one[:, 0].max() == 0
    again = save("b.nii.gz", np.where(made.brain > 0, made.volume, 0).astype(np.int16), made.affine)
    assert load_bag(again, CtSettings(size=96, brain="native"), id="b").meta == {
        "brain": "as given: everything around it is 0"
    }


def test_padding_below_air_is_air(save):
    data = np.full((8, 8, 3), 40, np.int16)
    data[0], data[1], data[2] = -3024, -2000, -1024
    bag = load_bag(save("a.nii", data), CtSettings(size=8, keep_empty=True), id="a")
    assert sorted(set(bag.instances.ravel().tolist())) == [-1024.0, 40.0]


def test_a_brain_of_an_unusual_size_is_flagged(save):
    made = generate(5, 0, 64, False)
    affine = made.affine @ np.diag([0.6, 0.6, 0.6, 1])
    bag = load_bag(save("a.nii.gz", made.volume, affine), CtSettings(size=64, brain="native"), id="a")
    assert "cm3, usual are 700 to 2200" in bag.meta["flags"]
