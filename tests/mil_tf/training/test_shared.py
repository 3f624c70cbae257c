"""What the replicas of a crew make together, against one network that does it alone; three logical CPU devices.

They must be made before TensorFlow runs anything, so the replicas live in a process of their own and tell what they found.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train
from mil_tf.training.shared import shares

ROOT = Path(train.__file__).parent
FOUND = """
import sys
import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 3
)
from mil_tf import registry
from mil_tf.data import MemorySource
from mil_tf.models.dropout import CountedDropout
from mil_tf.models.head import probabilities
from mil_tf.models.norms import normalisation
from mil_tf.selection import top_instance
from mil_tf.training import strategy
from mil_tf.training.choosers import ByScore
from mil_tf.training.crew import Crew
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import Search
from mil_tf.training.select_then_batch import SelectThenBatch
from mil_tf.training.shared import Replica, Replicas, SharedSearch, SharedSignal
from tfrecords import Bag

LOSS = registry.loss("CategoricalCrossentropy")
found = {}

def bag(i):
    rng, n = np.random.default_rng(i), 2 + 3 * i % 7
    pixels = rng.normal(30, 100, (n, 12, 12, 1)).astype(np.float16) + 8 * np.arange(n, dtype=np.float16)[:, None, None, None]
    return Bag(id=str(i), patient=str(i), label=[i % 2], instances=pixels, source_index=rng.permutation(n))

source = MemorySource([bag(i) for i in range(8)])

def build(norm, training, dropout=0.0):
    keras.utils.set_random_seed(0)
    images = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(4, 3, name="conv")(keras.layers.Rescaling(1 / 100)(images))
    x = x if norm == "none" else normalisation(norm, 4, "norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("relu")(x))
    x = CountedDropout(dropout)(x) if dropout else x
    model = keras.Model(images, probabilities(keras.layers.Dense(2, name="logits")(x)))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.5, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.moving_mean.shape))
    scorer = Scorer(model, 3)
    search = Search(model, scorer, "float32", 3)
    signal = SelectThenBatch(model, ByScore(search, top_instance), LOSS, 2, training=training)
    return Replica(model, scorer, search, lambda epoch: signal)

def told(name, result, model):
    found[name + "/losses"] = result.losses
    for i, gradient in enumerate(result.gradients):
        found[f"{name}/gradients/{i}"] = np.asarray(gradient)
    for i, value in enumerate(model.non_trainable_weights):
        found[f"{name}/state/{i}"] = np.asarray(value)

def state(model):
    return [np.array(value) for value in model.non_trainable_weights]

crew = Crew(strategy.build("mirrored"))
for norm, training in (("none", True), ("batch", False), ("batch", True)):
    name = norm + ("" if training else "-frozen")
    replicas, alone = Replicas(crew, lambda: build(norm, training)), build(norm, training)
    shared = SharedSignal(replicas)
    for window in ([6, 1, 3, 0, 7, 2, 4], [5], [2, 5]):
        case = f"{name}/{len(window)}"
        told(case + "/shared", shared(source, window, 0), replicas.leader.model)
        told(case + "/alone", alone.signal_of(0)(source, window, 0), alone.model)
        if norm == "batch":  # they go on from the same state
            alone.model.set_weights(replicas.leader.model.get_weights())
    # Weights move, and the others follow.
    for model in (replicas.leader.model, alone.model):
        model.set_weights([1.1 * value for value in model.get_weights()])
    for i, (one, other) in enumerate(zip(SharedSearch(replicas)(source, [3, 1, 4]), alone.search(source, [3, 1, 4], True))):
        best = other[1][:, 1].argmax()
        found[f"{name}/search/{i}"] = np.array([one[0][0], other[0][best], one[1][0, 1], other[1][best, 1]])

# Two bags on two of the replicas, in one micro-batch each: the averages are the mean of what each makes alone.
replicas, before = Replicas(crew, lambda: build("batch", True)), state(build("batch", True).model)
SharedSignal(replicas)(source, [2, 5], 0)
ones = []
for window in ([2], [5]):
    one = build("batch", True)
    one.signal_of(0)(source, window, 0)
    ones.append(state(one.model))
for i, (ours, first, second) in enumerate(zip(state(replicas.leader.model), *ones)):
    found[f"averages/{i}"], found[f"averages-expected/{i}"] = ours, (first + second) / 2
found["averages-before/0"] = before[0]

# Dropout: replicas drop different units, and the counter counts all passes.
replicas = Replicas(crew, lambda: build("none", True, 0.5))
same = MemorySource([bag(2)] * 3)
found["dropout/losses"] = SharedSignal(replicas)(same, [0, 1, 2], 0).losses
alone = build("none", True, 0.5)
found["dropout/alone"] = alone.signal_of(0)(same, [0], 0).losses
found["dropout/calls"] = state(replicas.leader.model)[0]

# An error of any replica is raised once all have ended.
def fails(i):
    if i == 2:
        raise ValueError("third")
    return np.ones(2, np.float32)

try:
    crew.total(fails, 2)
except ValueError as error:
    found["error"] = np.array(str(error))
found["after"] = crew.total(lambda i: np.float32([i, 1]), 2).numpy()

wish = [False]
stopping = crew.agreed(lambda: wish[0])
told_before = stopping()
wish[0] = True
unasked = stopping()
crew.total(lambda i: np.zeros(1, np.float32), 1)
found["stop"] = np.array([told_before, unasked, stopping()])
np.savez(sys.argv[1], **found)
"""
CASES = [f"{name}/{bags}" for name in ("none", "batch-frozen") for bags in (7, 1, 2)]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("shared") / "found.npz"
    done = subprocess.run([sys.executable, "-c", FOUND, str(path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    with np.load(path) as file:
        return dict(file)


def of(found, prefix):
    return [value for name, value in found.items() if name.startswith(prefix + "/")]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_one_device(found, case):
    np.testing.assert_allclose(found[f"{case}/shared/losses"], found[f"{case}/alone/losses"], rtol=1e-5)
    ours, theirs = of(found, f"{case}/shared/gradients"), of(found, f"{case}/alone/gradients")
    assert len(ours) == len(theirs) > 3
    for one, other in zip(ours, theirs):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other) and np.linalg.norm(other) > 0


@pytest.mark.slow
def test_a_frozen_batch_norm_stays_as_it_is(found):
    for bags in (7, 1, 2):
        ours, theirs = (of(found, f"batch-frozen/{bags}/{who}/state") for who in ("shared", "alone"))
        assert len(ours) == len(theirs) > 1
        for one, other in zip(ours, theirs):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_moving_averages_take_the_mean_over_the_replicas(found):
    ours, expected = of(found, "averages"), of(found, "averages-expected")
    assert len(ours) == len(expected) > 1 and not np.array_equal(ours[0], found["averages-before/0"])
    for one, other in zip(ours, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # A single bag, two replicas with none: as on one device.
    for one, other in zip(of(found, "batch/1/shared/state"), of(found, "batch/1/alone/state")):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["none", "batch-frozen", "batch"])
def test_the_search_finds_the_same_slices_after_the_weights_have_changed(found, name):
    for index, expected, probability, exact in of(found, f"{name}/search"):
        assert index == expected and probability == pytest.approx(exact, rel=1e-5)


@pytest.mark.slow
def test_replicas_drop_different_units_and_count_together(found):
    losses = found["dropout/losses"]
    assert len(set(losses.tolist())) == 3 and losses[0] == pytest.approx(found["dropout/alone"][0], rel=1e-5)
    assert found["dropout/calls"] == 3


@pytest.mark.slow
def test_an_error_is_the_replicas_own_and_the_crew_goes_on(found):
    assert str(found["error"]) == "third" and found["after"].tolist() == [3, 3]


@pytest.mark.slow
def test_a_wish_to_stop_counts_from_the_next_sum(found):
    assert found["stop"].tolist() == [False, False, True]


@pytest.mark.parametrize("bags, replicas", [(0, 2), (1, 3), (2, 3), (7, 2), (128, 8), (9, 4)])
def test_shares_are_even_in_bags_and_nearly_so_in_slices(bags, replicas):
    counts = np.random.default_rng(bags).integers(20, 60, bags)
    found = shares(counts, replicas)
    assert sorted(np.concatenate(found).tolist()) == list(range(bags)) and len(found) == replicas
    sizes = [len(each) for each in found]
    assert max(sizes) - min(sizes) <= 1 and all((np.diff(each) > 0).all() for each in found)
    if bags == 128:
        totals = [counts[each].sum() for each in found]
        assert max(totals) - min(totals) <= 40
