import io

import numpy as np
import pytest

from tfrecords import Bag, DatasetError, example, wire
from tfrecords.schema import ARRAYS


def round_trip(bag):
    data = example.encode(bag)
    file = io.BytesIO(data)
    return example.decode(file, wire.walk(file, 0, len(data)))


def full_bag(make_bag):
    random = np.random.default_rng(1)
    return make_bag(
        n=4,
        instance_id=["1.2", "1.3", "ü", ""],
        instance_label=[[0], [1], [-1], [0]],
        boxes=random.normal(size=(2, 5)),
        box_class=[3, 4],
        box_drawn=[1, 0],
        points=random.normal(size=(3, 4)),
        mask=random.integers(0, 6, (4, 8, 8)).astype(np.uint8),
        spacing=[0.5, 0.5, 5],
        affine=random.normal(size=(4, 4)),
        source_affine=random.normal(size=(4, 4)),
        source_shape=[8, 8, 4],
        transform=np.eye(4),
        level=2,
        mpp=0.499,
        coords=[[0, 1], [2, 3], [4, 5], [6, -7]],
        meta={"site": "Zürich", "kvp": 120.5},
    )


def test_every_feature_survives(make_bag):
    bag = full_bag(make_bag)
    found = round_trip(bag)
    assert all(getattr(bag, name) is not None for name in ARRAYS)
    for name in (*ARRAYS, "instances", "mask"):
        np.testing.assert_array_equal(getattr(found, name), getattr(bag, name), err_msg=name)
        assert getattr(found, name).dtype == getattr(bag, name).dtype
    assert (found.id, found.patient, found.instance_id, found.meta) == (
        bag.id,
        bag.patient,
        bag.instance_id,
        bag.meta,
    )


def test_absent_and_empty_are_not_the_same(make_bag):
    found = round_trip(make_bag(boxes=np.zeros((0, 5))))
    assert found.boxes.shape == (0, 5)
    assert found.points is None and found.mask is None and found.instance_label is None


def test_several_classes_and_colour(make_bag):
    bag = make_bag(
        n=2,
        label=[0, 1, 0],
        instances=np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3),
        instance_label=np.eye(2, 3),
    )
    found = round_trip(bag)
    np.testing.assert_array_equal(found.instance_label, bag.instance_label)
    np.testing.assert_array_equal(found.instances, bag.instances)


def test_a_slide_has_a_path_instead_of_instances():
    bag = Bag(
        id="s",
        patient="p",
        label=[1],
        instances=None,
        source_index=[0, 1],
        source_path="a.svs",
        coords=[[0, 0], [9, 9]],
    )
    found = round_trip(bag)
    assert found.instances is None and found.source_path == "a.svs" and found.n == 2


def test_the_same_bag_gives_the_same_bytes(make_bag):
    forwards, backwards = full_bag(make_bag), full_bag(make_bag)
    backwards.meta = dict(reversed(list(backwards.meta.items())))
    assert example.encode(forwards) == example.encode(backwards)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instances": None}, "Expected instances or a source_path"),
        ({"meta": {"x": float("nan")}}, "Expected what JSON can hold"),
        ({"meta": {"x": {1, 2}}}, "Expected what JSON can hold"),
        (
            {"instances": None, "source_path": "a", "mask": np.zeros((5, 2, 2), np.uint8)},
            "Expected a mask with its instances",
        ),
    ],
)
def test_what_cannot_be_stored_is_refused(make_bag, fields, message):
    with pytest.raises(DatasetError, match=message):
        example.encode(make_bag(**fields))


def test_unknown_and_missing_features_are_damage(make_bag):
    import tensorflow as tf

    for change in ("add", "remove"):
        message = tf.train.Example.FromString(example.encode(make_bag()))
        if change == "add":
            message.features.feature["colour"].int64_list.value.append(1)
        else:
            del message.features.feature["label"]
        data = message.SerializeToString()
        file = io.BytesIO(data)
        with pytest.raises(wire.Damaged, match="colour" if change == "add" else "no label"):
            example.decode(file, wire.walk(file, 0, len(data)))
