import numpy as np
import pytest

from benchmarks.pooled import learn_pooled
from mil_tf.data import MemorySource
from mil_tf.options import OptionError
from tfrecords import Bag

TINY = {"features": 8, "learning_rate": 5e-3, "max_epochs": 6}


def source(count, seed):
    """Bags of dark and bright squares, positive where one is bright."""
    rng, bags = np.random.default_rng(seed), []
    for index in range(count):
        truth = np.zeros((3, 1), np.int64)
        truth[rng.integers(3)] = index % 2
        images = rng.uniform(0, 60, (3, 28, 28, 1)) + 190 * truth[..., None, None]
        bags.append(Bag(
            id=f"bag-{index}", patient=f"bag-{index}", label=np.array([index % 2]), source_index=np.arange(3),
            instances=images.astype(np.float16), instance_label=truth,
        ))
    return MemorySource(bags)


@pytest.mark.parametrize("pooling", ["attention(units=4)", "gated_attention(units=4)", "noisy_or", "max"])
def test_it_learns_bags_and_instances(pooling):
    found = learn_pooled({**TINY, "pooling": pooling}, 0, source(16, 0), source(8, 1))
    assert set(found) == {"bag_ap", "bag_auc", "instance_auc", "train_loss", "seconds"}
    assert found["bag_auc"] == found["bag_ap"] == 1 and found["instance_auc"] > 0.95


def test_weights_can_rank_instances_where_the_pooling_has_them():
    options = {**TINY, "pooling": "attention(units=4)", "instance_score": "weights"}
    assert learn_pooled(options, 0, source(16, 0), source(8, 1))["instance_auc"] > 0.6


def test_the_seed_decides():
    runs = [learn_pooled({**TINY, "max_epochs": 1}, seed, source(8, 0), source(4, 1)) for seed in (0, 0, 1)]
    losses = [run["train_loss"] for run in runs]
    assert losses[0] == losses[1] != losses[2]


def test_an_unknown_option_is_refused():
    with pytest.raises(OptionError, match="no such option; did you mean 'max_epochs'"):
        learn_pooled({"epochs": 3}, 0, source(4, 0), source(4, 1))
