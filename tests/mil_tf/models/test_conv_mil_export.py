"""The SavedModel of a network of fields answers as the Keras model does, at any size."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.models.conv_mil import NONE, conv_mil
from mil_tf.models.conv_mil_export import ExportedFields


@pytest.mark.parametrize("pooling", ["noisy_and", NONE])
def test_saved_and_loaded_it_gives_the_keras_models_answers(tmp_path, pooling):
    model = conv_mil(3, 2, (0.2, 0.1), (0.5, 0.4), pooling, widths=(4, 4, 4, 6, 6, 8))
    module = ExportedFields(model)
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures())
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    assert set(signatures) == {"fields", "maps", "class_maps"}
    for size in ((1, 64, 64), (3, 96, 130)):
        given = np.random.default_rng(0).uniform(0, 1, (*size, 2)).astype(np.float32)
        expected, found = model(given, training=False), signatures["fields"](fields=tf.constant(given))
        assert set(found) == {"probabilities", "pooled", "map"}
        np.testing.assert_allclose(found["map"], tf.sigmoid(expected["logits"]), atol=1e-6)
        for name in ("probabilities", "pooled"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


@pytest.mark.parametrize("pooling", ["noisy_and", NONE])
def test_its_maps_are_those_of_the_jacobian_mapper(tmp_path, pooling):
    model = conv_mil(3, 2, (0.2, 0.1), (0.5, 0.4), pooling, widths=(4, 4, 4, 6, 6, 8))
    module, mapper = ExportedFields(model), JacobianMapper(model)
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures())
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    for size in ((64, 70), (96, 130)):
        given = np.random.default_rng(0).uniform(0, 1, (*size, 2)).astype(np.float32)
        expected, found = mapper(given), signatures["maps"](fields=tf.constant(given[None]))
        assert expected.jacobian.any() and set(found) == set(expected._fields)
        for name in found:
            np.testing.assert_allclose(found[name], getattr(expected, name), rtol=1e-4, atol=1e-6)
        each = signatures["class_maps"](fields=tf.constant(given[None]), seeds=tf.eye(3))["jacobian"]
        np.testing.assert_allclose(np.moveaxis(each, 0, -1), mapper(given, [0, 1, 2]).jacobian, rtol=1e-4, atol=1e-6)
