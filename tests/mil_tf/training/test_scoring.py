import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.data import MemorySource, ShardSource
from mil_tf.models.resnet import resnet
from mil_tf.training.scoring import Scorer, fitting
from tfrecords import CorruptRecordError, Dataset


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return resnet(10, 4, "batch", scaling=("window", 40, 80), stem="small", dropout=0.5)


@pytest.mark.parametrize("chunk", [0, 1, 4])
def test_every_bag_gets_the_probabilities_of_its_slices(make_bag, model, chunk):
    bags = [make_bag(f"bag{i}", n, 8, seed=i) for i, n in enumerate((3, 1, 6))]
    found = Scorer(model, chunk)(MemorySource(bags), [2, 0, 1])
    for score, bag in zip(found, (bags[2], bags[0], bags[1]), strict=True):
        expected = model(bag.instances.astype(np.float32), training=False)
        np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-6)
        assert score.dtype == np.float32


def test_no_bags_give_no_scores(make_bag, model):
    assert Scorer(model)(MemorySource([make_bag()]), []) == []


def test_one_graph_serves_all_bags(make_bag, model):
    traces = []
    scorer = Scorer(lambda images, training: traces.append(images.shape) or model(images, training=training), 4)
    for count in (1, 5, 9):
        scorer(MemorySource([make_bag(n=count)]), [0])
    assert [tuple(shape) for shape in traces] == [(None, 8, 8, 1)]


def test_an_identical_instance_is_scored_once(make_bag, model):
    bags = [make_bag(f"bag{i}", 5, 8, seed=i) for i in range(3)]
    for bag in bags:
        bag.instances[[1, 3]] = 0
    passed = []
    scorer = Scorer(lambda images, training: model(images, training=training), 4)
    plain = scorer._forward
    scorer._forward = lambda images: passed.append(len(images)) or plain(images)
    found = scorer(MemorySource(bags), [0, 1, 2])
    assert sum(passed) == 3 * 3 + 1
    for score, bag in zip(found, bags, strict=True):
        np.testing.assert_allclose(score, model(bag.instances.astype(np.float32), training=False), rtol=1e-4, atol=1e-6)


def test_a_full_memory_halves_the_portions_and_loses_nothing(make_bag, model):
    bags, told = [make_bag(f"bag{i}", 9, 8, seed=i) for i in range(2)], []
    expected = Scorer(model, 8)(MemorySource(bags), [0, 1])
    scorer = Scorer(model, 8)
    plain, scorer.portions._show = scorer._forward, told.append

    def small(images):
        if len(images) > 2:
            raise tf.errors.ResourceExhaustedError(None, None, "full")
        return plain(images)

    scorer._forward = small
    for found, known in zip(scorer(MemorySource(bags), [0, 1]), expected, strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-7)
    assert told == [
        "out of memory with 8 instances a pass: going on with chunk=4",
        "out of memory with 4 instances a pass: going on with chunk=2",
    ]
    scorer._forward = lambda images: small(np.zeros(3))
    with pytest.raises(tf.errors.ResourceExhaustedError):
        scorer(MemorySource(bags), [0])


def test_a_damaged_record_stops_the_scoring_with_its_own_words(make_bag, write_dataset, model):
    folder = write_dataset([make_bag("a", 3), make_bag("b", 3)])
    dataset = Dataset(folder)
    path, row = folder / dataset.rows[1].shard, dataset.rows[1]
    data = bytearray(path.read_bytes())
    data[row.offset + row.length // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptRecordError, match=r"bags-00000-of-00001\.tfrecord, record 1 \(bag b\)"):
        Scorer(model, 2)(ShardSource(dataset, dataset.rows), [0, 1])


def test_a_portion_fits_memory_between_one_and_the_most():
    assert fitting((512, 512, 1), 16 * 512 * 512, 256) == 16
    assert fitting((5000, 5000, 1), 16 * 512 * 512, 256) == 1
    assert fitting((28, 28, 1), 16 * 512 * 512, 256) == 256
    with pytest.raises(ValueError, match="`chunk` of 1 or more instances, or 0. Received: chunk=-3"):
        Scorer(None, -3)
