"""What is read of an export whose model says where it looked."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.prediction.answer import answer
from mil_tf.prediction.model import ExportedModel, ModelError
from preprocessing.errors import ScanError

DETECTOR = {"h": 0.5, "threshold": 0.0, "distance": 8.0}


def test_one_pass_gives_what_the_other_signature_does(model):
    loaded = ExportedModel(model)
    loaded.load()
    slices = np.random.default_rng(0).normal(40, 30, (5, 64, 64, 1)).astype(np.float16)
    probability, maps = loaded.maps(slices)
    assert maps.shape == (5, 64 // 4, 64 // 4) and maps.dtype == np.float32
    np.testing.assert_allclose(probability, loaded(slices), rtol=1e-5)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-maps.max(axis=(1, 2)))), rtol=1e-5)


def test_maps_are_made_in_chunks(model):
    loaded, seen = ExportedModel(model), []

    def look(slices):
        seen.append(len(slices))
        first = slices[:, 0, 0, 0]
        return {"probabilities": tf.stack([1 - first, first], 1), "map": slices[:, ::4, ::4, 0]}

    loaded._map = look
    slices = np.zeros((21, 512, 512, 1), np.float16)
    slices[:, 0, 0, 0] = np.arange(21)
    probability, maps = loaded.maps(slices)
    np.testing.assert_array_equal(probability, np.arange(21))
    np.testing.assert_array_equal(maps[:, 0, 0], np.arange(21))
    assert seen == [8, 8, 5] and maps.shape == (21, 128, 128)


@pytest.mark.parametrize(
    "values",
    [{"pooling": "mean"}, {"detector": {"h": 1, "threshold": 0}}, {"detector": {**DETECTOR, "h": "high"}},
     {"detector": None}, {"only_positive": 1}, {"detector": {**DETECTOR, "distance": float("nan")}}],
    ids=["pooling", "no distance", "no number", "no detector", "no truth", "not a number"],
)
def test_positions_that_are_none(changed, values):
    with pytest.raises(ModelError, match="Expected positions with a pooling .max or attention., a detector"):
        ExportedModel(changed(**values))


def test_maps_that_are_not_finite_are_the_scans_reason(model, scan):
    loaded = ExportedModel(model)
    loaded._map = lambda slices: {"probabilities": tf.fill([len(slices), 2], 0.5), "map": slices[..., 0] * np.nan}
    with pytest.raises(ScanError, match="the model's maps are not finite"):
        answer(scan, "a", loaded, loaded.settings)
