import csv
import dataclasses

import numpy as np
import pytest

from preprocessing import split, units
from preprocessing.errors import ScanError, UsageError
from preprocessing.inputs import Scan
from tfrecords import Bag


def bag_of(truth, **given):
    n = len(truth)
    random = np.random.default_rng(0)
    return Bag(
        id="s", patient="p", label=[1], instances=random.normal(size=(n, 4, 4, 1)).astype(np.float16),
        source_index=random.permutation(n) + 10, instance_id=[f"u{k}" for k in range(n)],
        instance_label=None if truth is None else np.array(truth)[:, None],
        mask=random.integers(0, 3, (n, 4, 4)).astype(np.uint8), affine=np.eye(4), meta={"site": "x"}, **given,
    )


def scan(id, truth=True):
    return Scan(id, f"{id}.nii", 1, id, {}, None, None, truth)


def test_each_slice_is_a_bag_of_its_own_in_the_scans_order():
    bag = bag_of([1, 0, 1, 0])
    made, left_out = units.slices(bag)
    assert not left_out and [one.source_index.tolist() for one in made] == [[10], [11], [12], [13]]
    for one in made:
        (place,) = np.flatnonzero(bag.source_index == one.source_index)
        assert (one.id, one.patient, one.meta, one.n) == (f"s/{10 + made.index(one)}", "p", {"site": "x"}, 1)
        assert one.label.tolist() == one.instance_label[0].tolist() == bag.instance_label[place].tolist()
        assert one.instance_id == [bag.instance_id[place]]
        np.testing.assert_array_equal(one.instances[0], bag.instances[place])
        np.testing.assert_array_equal(one.mask[0], bag.mask[place])
        np.testing.assert_array_equal(one.affine, bag.affine)


def test_boxes_go_with_their_slice():
    rows = [[0, 1, 2, 3, 4], [2, 5, 6, 7, 8], [2, 0, 0, 1, 1]]
    bag = bag_of([1, 0, 1], boxes=rows, box_class=[3, 4, 5], box_drawn=[1, 0, 1])
    by_name = {one.instance_id[0]: one for one in units.slices(bag)[0]}
    assert by_name["u0"].boxes.tolist() == [[0, 1, 2, 3, 4]] and by_name["u0"].box_class.tolist() == [3]
    assert by_name["u1"].boxes.shape == (0, 5)
    assert by_name["u2"].boxes[:, 0].tolist() == [0, 0] and by_name["u2"].box_drawn.tolist() == [0, 1]


def test_slices_of_unknown_truth_are_left_out_and_told():
    made, left_out = units.slices(bag_of([1, -1, 0, -1]))
    assert len(made) == 2 and left_out == "2 of 4 slices without a label"
    with pytest.raises(ScanError, match="3 of 3 slices without a label"):
        units.slices(bag_of([-1, -1, -1]))


def test_slices_need_truth_and_names_of_their_own():
    units.check("scan", [scan("a", False)])
    units.check("slice", [])
    units.check("slice", [scan("a"), scan("a/x"), scan("b/2")])
    with pytest.raises(UsageError, match="--unit slice: Expected slice truth, .* Received: none"):
        units.check("slice", [scan("a", False)])
    with pytest.raises(UsageError, match="Received: a scan 'a/2'"):
        units.check("slice", [scan("a"), scan("a/2")])


def test_a_split_of_slices_keeps_patients_together(write_dataset, capsys):
    """Twenty scans of ten patients, one with a bleeding slice and one without."""
    scans = [
        dataclasses.replace(bag_of([number % 2, 0, 0]), id=f"s{number}", patient=f"p{number // 2}")
        for number in range(20)
    ]
    folder = write_dataset([one for bag in scans for one in units.slices(bag)[0]])
    assert split.main(["--data", str(folder), "--folds", "2"]) == 0
    with open(folder / "splits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    for fold in "01":
        places = {(row["patient"], row["split"]) for row in rows if row["fold"] == fold}
        assert len(places) == len({patient for patient, _ in places})
