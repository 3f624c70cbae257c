"""The crew's last sum; the rest of it is seen at work in test_strategy."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.training.crew import Crew, WorkerError
from mil_tf.training.strategy import StrategyError


@pytest.fixture
def crew():
    return Crew(tf.distribute.MirroredStrategy(["CPU:0"]))


def summing(crew, monkeypatch, summed):
    """The lengths of the vectors that the crew summed, each sum done by `summed` (the crew's own, vectors)."""
    lengths, original = [], crew._summed

    def watched(vectors):
        lengths.append(len(vectors[0]) - 2)  # the first two are the wish to stop and the failure
        return summed(original, vectors)

    monkeypatch.setattr(crew, "_summed", watched)
    return lengths


def lost(original, vectors):
    raise WorkerError("another worker was lost")


def another_failed(original, vectors):
    return original(vectors) + np.eye(1, len(vectors[0]), 1, dtype=np.float32)[0] * (len(vectors[0]) > 2)


def test_who_has_left_after_the_last_sum_is_no_loss(crew, monkeypatch):
    lengths = summing(crew, monkeypatch, lost)
    crew.part()
    assert lengths == [0]


def test_who_is_lost_before_it_is(crew, monkeypatch):
    summing(crew, monkeypatch, lost)
    with pytest.raises(WorkerError, match="was lost"):
        crew.total(lambda i: np.zeros(3, np.float32), 3)


def test_who_fails_parts_from_the_others_before_it_raises(crew, monkeypatch):
    lengths = summing(crew, monkeypatch, lambda original, vectors: original(vectors))

    def failing(i):
        raise KeyError("of this worker")

    with pytest.raises(KeyError, match="of this worker"):
        crew.total(failing, 3)
    assert lengths == [3, 0]


def test_the_others_part_from_it(crew, monkeypatch):
    lengths = summing(crew, monkeypatch, another_failed)
    with pytest.raises(WorkerError, match="another worker has failed"):
        crew.total(lambda i: np.zeros(3, np.float32), 3)
    assert lengths == [3, 0]


def test_who_disagree_part(crew, monkeypatch):
    crew.replicas = 2

    def of_two(original, vectors):
        summed = original(vectors).numpy()
        summed[-1:] += len(vectors[0]) > 2  # the last word of the other's digest
        return tf.constant(summed)

    lengths = summing(crew, monkeypatch, of_two)
    with pytest.raises(StrategyError, match="the same data on every worker"):
        crew.agree("data", "00" * 16)
    assert lengths == [16, 0]
