"""The SavedModel alone: without mil-tf and Keras it answers as the Keras model does."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf import recipes, runs
from mil_tf.data import MemorySource
from mil_tf.evaluation.run import validation_threshold
from mil_tf.export import CHUNK, FACTS, FORMAT, ExportedScorer, export, spacing_range
from mil_tf.inference import PREDICTIONS
from mil_tf.models.build import build_scorer
from mil_tf.models.head import logits_model
from mil_tf.options import resolve

COUNTS = (1, 7, 9, 20)  # below, at and across the `bag` signature's chunk of 8, and several chunks
NETWORKS = {
    "resnet": {"backbone": "resnet10", "width": 16, "norm": "batch", "zero_residual": False},
    "released": {"backbone": "released"},
    "convnet": {"backbone": "convnet", "dropout": 0.3},
}

# Runs where nothing of the project can be imported, nor Keras: `-I` and another folder do for a clone, the
# blocked names for an installed package.
ALONE = """
import sys
for name in ("mil_tf", "tfrecords", "preprocessing", "keras", "tf_keras"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
folder, given, out = sys.argv[1:]
loaded = tf.saved_model.load(folder)
found = {}
for name, signature in loaded.signatures.items():
    found[name + ":inputs"] = sorted(signature.structured_input_signature[1])
    found[name + ":outputs"] = sorted(signature.structured_outputs)
for n, slices in np.load(given).items():
    for name, signature in loaded.signatures.items():
        for key, value in signature(slices=tf.constant(slices)).items():
            found[f"{name}:{n}:{key}"] = value.numpy()
np.savez(out, **found)
"""


class Constant:
    """A scorer of the batch's size, which tells how many slices went through at once."""

    input_shape = (None, None, None, 1)

    def __call__(self, slices, training):
        assert training is False
        count = tf.shape(slices)[0]
        positive = tf.fill([count], tf.cast(count, tf.float32) / 1000)
        return tf.stack([1 - positive, positive], axis=1)


class Mean(Constant):
    """A scorer of a slice's mean."""

    def __call__(self, slices, training):
        positive = tf.reduce_mean(slices, axis=[1, 2, 3])
        return tf.stack([1 - positive, positive], axis=1)


def network(name, slices):
    """A network with other weights and statistics than the initial ones, whose answers differ."""
    model = build_scorer(resolve(recipes.load("remedios2020").OPTIONS, NETWORKS[name]), seed=0)
    random = np.random.default_rng(0)
    model.set_weights([w + 0.01 * np.abs(random.normal(size=w.shape)) for w in model.get_weights()])
    logits = logits_model(model)(slices).numpy()
    spread, last = np.ptp(logits[:, 1] - logits[:, 0]) / 4, model.get_layer("logits")
    kernel, bias = last.get_weights()
    last.set_weights([kernel / spread, (bias - logits.mean(axis=0)) / spread])
    return model


def config(**more):
    made = {"kind": "ct", "settings": {"size": 32}, "hash": "0"}
    return {
        "recipe": "remedios2020", "variant": "default", "bags": 4, "fold": 0, "seed": 0,
        "preprocessing": made, "versions": {"tensorflow": tf.__version__}, "commit": "unknown",
        "parameters": 1, **more,
    }


def finished_run(folder, labels=(0, 1, 1)):
    rows = [(f"v{i}", f"p{i}", label, 0.2 + 0.3 * i, 0) for i, label in enumerate(labels)]
    runs.write_table(folder / "predictions-validation.csv", PREDICTIONS, rows)
    return folder


@pytest.mark.parametrize("name", NETWORKS)
def test_alone_it_gives_the_keras_models_probabilities(tmp_path, name):
    random = np.random.default_rng(1)
    # Slices of their own mean and contrast, so that they differ in more than noise.
    given = {
        str(n): np.float32(random.normal(40, 60, (n, 32, 40, 1)) + random.normal(0, 30, (n, 1, 1, 1)))
        for n in COUNTS
    }
    model = network(name, given["20"])
    export(finished_run(tmp_path), model, config())
    np.savez(tmp_path / "given.npz", **given)
    paths = [str(tmp_path / part) for part in ("export", "given.npz", "out.npz")]
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, *paths], cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = dict(np.load(tmp_path / "out.npz"))
    assert list(found["slices:inputs"]) == list(found["bag:inputs"]) == ["slices"]
    assert list(found["slices:outputs"]) == ["probabilities"]
    assert list(found["bag:outputs"]) == ["probability", "slice_probabilities", "top_slice"]
    for n, slices in given.items():
        expected = model(slices, training=False).numpy()
        np.testing.assert_allclose(found[f"slices:{n}:probabilities"], expected, atol=1e-5)
        np.testing.assert_allclose(found[f"bag:{n}:slice_probabilities"], expected[:, 1], atol=1e-5)
        top = found[f"bag:{n}:top_slice"]
        assert top.dtype == np.int64 and expected[top, 1] >= expected[:, 1].max() - 1e-5
        assert found[f"bag:{n}:probability"] == found[f"bag:{n}:slice_probabilities"][top]
    assert np.ptp(expected[:, 1]) > 0.3  # else the above would hold for a model that answers nothing


@pytest.mark.parametrize(
    "values, top",
    [([0.3], 0), ([0.1, 0.7, 0.2, 0.7], 1), ([0.2] * 5 + [0.9] + [0.2] * 10 + [0.9] * 3, 5), ([0.4] * 30, 0),
     ([0.2, 0.9, np.nan, 0.95], 2)],
)
def test_the_first_of_the_highest_slices_decides(values, top):
    slices = np.float32(values).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 1), np.float32)
    found = ExportedScorer(Mean()).signatures()["bag"](slices=tf.constant(slices))
    assert int(found["top_slice"]) == top
    np.testing.assert_equal(float(found["probability"]), float(np.float32(values[top])))


def test_the_bag_signature_scores_in_chunks():
    found = ExportedScorer(Constant()).signatures()["bag"](slices=tf.zeros([107, 4, 4, 1]))
    chunk, rest = CHUNK / 1000, 107 % CHUNK / 1000
    whole = 107 - 107 % CHUNK
    expected = [chunk] * whole + [rest] * (107 - whole)
    np.testing.assert_allclose(found["slice_probabilities"], expected, rtol=1e-6)


def test_a_bag_without_slices_is_refused():
    bag = ExportedScorer(Constant()).signatures()["bag"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected at least one slice. Received: 0"):
        bag(slices=tf.zeros([0, 4, 4, 1]))


@pytest.fixture
def tiny():
    inputs = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))


def test_the_facts_say_what_prediction_must_know(tmp_path, tiny):
    spacing = {"low": [0.4, 0.4, 2.5], "high": [0.6, 0.6, 7.5]}
    export(finished_run(tmp_path), tiny, config(spacing=spacing))
    facts = json.loads((tmp_path / "export" / FACTS).read_text())
    assert facts["format"] == FORMAT
    assert facts["preprocessing"] == config()["preprocessing"]
    assert facts["spacing"] == spacing
    assert facts["threshold"] == validation_threshold(tmp_path) == pytest.approx(0.35)
    assert facts["weights"] == runs.weights_digest(tiny)
    assert {"recipe", "variant", "bags", "fold", "seed", "versions", "commit", "parameters"} <= set(facts)


class Doubling(tf.Module):
    """A method's own signatures."""

    def signatures(self):
        twice = tf.function(lambda slices: {"twice": 2 * slices}, input_signature=[tf.TensorSpec([None], tf.float32)])
        return {"twice": twice.get_concrete_function()}


def test_a_method_adds_signatures_and_facts(tmp_path, tiny):
    export(finished_run(tmp_path), tiny, config(), module=Doubling(), more={"positions": {"pooling": "max"}})
    facts = json.loads((tmp_path / "export" / FACTS).read_text())
    assert facts["positions"] == {"pooling": "max"} and facts["weights"] == runs.weights_digest(tiny)
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    assert loaded.signatures["twice"](tf.constant([3.0]))["twice"].numpy() == [6]


def test_a_methods_facts_take_no_other_facts_place(tmp_path, tiny):
    with pytest.raises(ValueError, match="Received: more with 'threshold'"):
        export(finished_run(tmp_path), tiny, config(), more={"threshold": 0.3})
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("given", [{}, {"spacing": None}])
def test_what_is_not_known_is_left_out(tmp_path, tiny, given):
    export(finished_run(tmp_path, labels=(1, 1)), tiny, config(**given))
    facts = json.loads((tmp_path / "export" / FACTS).read_text())
    assert facts["threshold"] is None and "spacing" not in facts


def test_an_export_replaces_the_one_before_whole(tmp_path, tiny):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "old").touch()
    (tmp_path / "writing-export").mkdir()  # of a process that was killed
    (tmp_path / "writing-export" / "half").touch()
    export(finished_run(tmp_path), tiny, config())
    assert not (tmp_path / "writing-export").exists()
    assert {"saved_model.pb", "variables", FACTS} <= {path.name for path in (tmp_path / "export").iterdir()}
    assert not {"old", "half"} & {path.name for path in (tmp_path / "export").iterdir()}


def test_the_range_of_the_spacings(make_bag):
    bags = [make_bag("a", spacing=[0.4, 0.5, 5]), make_bag("b", spacing=[0.6, 0.45, 2.5])]
    assert spacing_range(MemorySource(bags)) == {"low": [0.4, 0.45, 2.5], "high": [0.6, 0.5, 5.0]}
    assert spacing_range(MemorySource([*bags, make_bag("c")])) is None


def test_the_template_of_the_training_bags_goes_along(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "template.nii.gz").write_bytes(b"a head")
    made = {"kind": "ct", "settings": {"size": 32, "template": "template.nii.gz"}, "hash": "0"}
    folder = finished_run(tmp_path)
    model = network(next(iter(NETWORKS)), np.random.default_rng(0).normal(0, 50, (4, 32, 32, 1)).astype(np.float32))
    export(folder, model, config(preprocessing=made), data)
    assert (folder / "export" / "template.nii.gz").read_bytes() == b"a head"
