"""The SavedModel of a network of positions answers as the Keras models do, at any slice size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.position_export import ExportedPositions
from mil_tf.models.position_mil import position_mil

SIZES = ((3, 40, 56), (11, 24, 24), (1, 50, 33))  # slices, rows and columns, of which some are no multiple of 8


@keras.saving.register_keras_serializable(package="tests")
class BothClasses(keras.layers.Layer):
    """A logit as two probabilities."""

    def call(self, logit):
        return tf.concat([tf.sigmoid(-logit), tf.sigmoid(logit)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)


def models(form, pooling):
    """(scorer, mapper) around one network."""
    network = position_mil(form, pooling)
    slices = keras.Input((None, None, 1))
    found = network(slices)
    probabilities = BothClasses()(found["logit"])
    return keras.Model(slices, probabilities), keras.Model(slices, {"probabilities": probabilities, "map": found["map"]})


@pytest.mark.parametrize(
    "form, pooling, part",
    [("paper", "attention", 4), pytest.param("released", "max", 8, marks=[pytest.mark.long, pytest.mark.slow])],
)
def test_saved_and_loaded_it_gives_the_keras_models_answers(tmp_path, form, pooling, part):
    scorer, mapper = models(form, pooling)
    module = ExportedPositions(scorer, mapper)
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures())
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    assert set(signatures) == {"slices", "bag", "maps"}
    for count, height, width in SIZES:
        given = np.random.default_rng(0).normal(30, 60, (count, height, width, 1)).astype(np.float32)
        expected, found = mapper(given, training=False), signatures["maps"](slices=tf.constant(given))
        assert set(found) == {"probabilities", "map"} and found["map"].dtype == tf.float32
        assert found["map"].shape == (count, height // part, width // part)
        np.testing.assert_allclose(found["map"], expected["map"][..., 0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-5)
        slices, bag = (signatures[name](slices=tf.constant(given)) for name in ("slices", "bag"))
        np.testing.assert_allclose(slices["probabilities"], found["probabilities"], atol=1e-5)
        np.testing.assert_allclose(bag["slice_probabilities"], found["probabilities"][:, 1], atol=1e-5)
