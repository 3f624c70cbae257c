"""Fields from shards, of different sizes in one set."""

import numpy as np
import pytest

from mil_tf.data import nested_subset
from mil_tf.field_source import FieldSource
from mil_tf.nouns import nouns_of
from mil_tf.sources import source_of
from tests.fields import CLASSES, field, settings, write_fields
from tfrecords import Bag, CorruptRecordError, Dataset


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    dataset = Dataset(write_fields(tmp_path_factory.mktemp("fields") / "data"))
    return source_of(dataset, dataset.rows[:6])


def test_every_field_comes_with_its_own_size(source):
    assert isinstance(source, FieldSource) and source.dtype == np.float16
    for _ in range(2):  # streamed the first time, found by its offset the second
        for position in range(6):
            image = source.image(position)
            assert image.shape == source.shape(position)
            np.testing.assert_array_equal(image, field(position).instances[0])
    assert {source.shape(position) for position in range(6)} == {(48, 48, 2), (40, 60, 2)}


def test_it_says_what_the_other_sources_say(source):
    assert source.instance_shape == (48, 48, 2) and source.counts.tolist() == [1] * 6
    assert source.labels[1].tolist() == [0, 1, 0] and source.patients[0] == field(0).patient
    np.testing.assert_array_equal(source.fields(2).points, field(2).points)
    np.testing.assert_array_equal(source.mask(3), field(3).mask)
    part = source.subset([4, 1])
    assert isinstance(part, FieldSource) and part.ids == [source.ids[4], source.ids[1]]
    np.testing.assert_array_equal(part.image(0), field(4).instances[0])
    source.ready(range(6))
    assert nouns_of({"preprocessing": settings()}).bag == "field"


def test_another_number_of_channels_is_refused_in_one_line(write_dataset):
    bags = [Bag(name, name, [1, 0, 0], np.zeros((1, 8, 8, channels), np.float16), [0]) for name, channels in (("a", 2), ("b", 3))]
    dataset = Dataset(write_dataset(bags, info={"classes": CLASSES, "preprocessing": settings()}))
    source = source_of(dataset, dataset.rows)
    for read in (source.image, source.shape):
        with pytest.raises(ValueError, match="bag b: Expected a field of float16 and 2 channels, as bag a. Received"):
            read(1)


def test_a_damaged_field_is_never_handed_out(write_dataset):
    rng = np.random.default_rng(0)
    bags = [Bag(str(i), str(i), [1, 0, 0], rng.uniform(0, 1, (1, 16, 16, 2)).astype(np.float16), [0]) for i in range(2)]
    folder = write_dataset(bags, info={"classes": CLASSES, "preprocessing": settings()})
    (shard,) = folder.glob("*.tfrecord")
    data = bytearray(shard.read_bytes())
    place = data.find(bags[1].instances.tobytes())
    data[place + 100] ^= 1
    shard.write_bytes(data)
    dataset = Dataset(folder)
    source = source_of(dataset, dataset.rows)
    source.image(0)
    with pytest.raises(CorruptRecordError, match="bag 1"):
        source.image(1)


def test_a_subset_is_balanced_over_the_first_class_of_each_bag():
    labels = np.array([[1, 0, 0]] * 20 + [[0, 1, 1]] * 10 + [[0, 0, 1]] * 6 + [[0, 0, 0]] * 4)
    chosen = nested_subset(labels, 16, 0)
    firsts = np.where(labels.any(axis=1), labels.argmax(axis=1), -1)
    assert np.bincount(firsts[chosen] + 1).tolist() == [4, 4, 4, 4]
    assert set(nested_subset(labels, 8, 0)) <= set(chosen)
