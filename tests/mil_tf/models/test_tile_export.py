"""The signatures of an exported network of tiles."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.tile_export import ExportedTiles
from mil_tf.models.tile_net import dense_logits, tile_scorer
from mil_tf.options import resolve
from mil_tf.recipes.lerousseau2020 import OPTIONS, PROFILES

CONSTANTS = {"mean": [200.0, 150.0, 180.0], "std": [30.0, 40.0, 35.0]}


@pytest.fixture(scope="module", params=["resnet10", pytest.param("resnet50", marks=pytest.mark.long)])
def saved(request, tmp_path_factory):
    """(model, its SavedModel)."""
    options = resolve(OPTIONS, PROFILES["quick"], {"width": 4, "backbone": request.param})
    model, folder = tile_scorer(options, 0, CONSTANTS), str(tmp_path_factory.mktemp("export"))
    for layer in model.layers:  # folding has something to fold
        if hasattr(layer, "moving_mean"):
            layer.moving_mean.assign(np.random.default_rng(0).normal(0, 0.1, layer.moving_mean.shape))
            layer.moving_variance.assign(np.random.default_rng(1).uniform(0.5, 1.5, layer.moving_variance.shape))
    module = ExportedTiles(model)
    tf.saved_model.save(module, folder, signatures=module.signatures())
    return model, tf.saved_model.load(folder)


@pytest.mark.parametrize("name, tolerance", [("maps", 1e-3), ("maps_bfloat16", 0.1)])
def test_maps_are_the_networks_logits_at_every_position(saved, name, tolerance):
    model, loaded = saved
    images = np.random.default_rng(0).integers(0, 256, (1, 96, 128, 3)).astype(np.float32)
    found = loaded.signatures[name](images=tf.constant(images))["logit"]
    expected = dense_logits(model)(images).numpy()
    assert found.dtype == tf.float32 and found.shape == expected.shape and np.ptp(expected) > 0
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


def test_what_every_model_answers_is_there_too(saved):
    model, loaded = saved
    tiles = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.float32)
    found = loaded.signatures["slices"](slices=tf.constant(tiles))["probabilities"]
    np.testing.assert_allclose(found, model(tiles, training=False), atol=1e-5)
    assert int(loaded.signatures["bag"](slices=tf.constant(tiles))["top_slice"]) == int(np.argmax(found[:, 1]))
