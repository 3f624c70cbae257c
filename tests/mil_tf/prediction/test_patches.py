"""Patches in PatchCamelyon's layout become a table that is scored; every file that is none is refused in one line."""

import json

import h5py
import numpy as np
import pytest
import tensorflow as tf

import evaluate
from mil_tf.prediction import patches as module
from mil_tf.prediction.model import ModelError
from mil_tf.prediction.patch_file import PatchError, PatchFile, tiles_of
from mil_tf.prediction.patches import PatchScorer, predict_patches, unlike

COUNT = 70


class RedInTheMiddle(tf.Module):
    """Called tumour by the mean red of a tile's middle, as PatchCamelyon's labels are of the middle."""

    def __init__(self, channels=3):
        super().__init__()
        spec = tf.TensorSpec([None, None, None, channels], tf.float32, name="slices")
        self.slices = tf.function(self._slices, input_signature=[spec])

    def _slices(self, slices):
        side = tf.shape(slices)[1]
        share = tf.reduce_mean(slices[:, side // 2 - 32 : side // 2 + 32, side // 2 - 32 : side // 2 + 32, 0], [1, 2]) / 255
        return {"probabilities": tf.stack([1 - share, share], axis=1)}


def write_model(folder, threshold=0.4, channels=3):
    module = RedInTheMiddle(channels)
    tf.saved_model.save(module, str(folder), signatures={"slices": module.slices})
    facts = {"format": 1, "threshold": 0.7, "tiles": {"tile": 224, "threshold": threshold}}
    (folder / "mil_tf.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "export")


@pytest.fixture
def patches(tmp_path):
    """(..._x.h5, labels) in the layout that PatchCamelyon comes in."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, COUNT)
    x = rng.integers(0, 256, (COUNT, 96, 96, 3), np.uint8)
    x[..., 32:64, 32:64, 0] = (rng.normal(90 + 60 * truth, 40).clip(0, 255))[:, None, None]
    return write(tmp_path, x=x, y=truth[:, None, None, None]), truth


def write(folder, split="test", **sets):
    for name, values in sets.items():
        with h5py.File(folder / f"camelyonpatch_level_2_split_{split}_{name}.h5", "w") as file:
            file[name] = values
    return folder / f"camelyonpatch_level_2_split_{split}_x.h5"


def test_a_patch_lies_twice_as_large_in_the_middle_of_zeros():
    x = np.random.default_rng(0).integers(1, 256, (2, 96, 96, 3), np.uint8)
    tiles = tiles_of(x).numpy()
    assert tiles.shape == (2, 224, 224, 3)
    inner = tiles[:, 16:208, 16:208]
    assert inner.min() > 0 and tiles.sum() == pytest.approx(inner.sum(), rel=1e-6)
    # Bilinear, with pixels as squares: a pixel's four quarters stand a quarter of the way to its neighbours.
    wide = x.astype(np.float32)
    np.testing.assert_allclose(inner[:, 0, 1, :], 0.75 * wide[:, 0, 0] + 0.25 * wide[:, 0, 1], rtol=1e-5)
    np.testing.assert_allclose(inner[:, 100, 101].mean(), (wide[:, 50, 50] * 9 + wide[:, 50, 51] * 3 + wide[:, 49, 50] * 3
                                                          + wide[:, 49, 51]).mean() / 16, rtol=1e-5)
    np.testing.assert_allclose(tiles_of(np.full((1, 96, 96, 3), 7, np.uint8))[0, 16:208, 16:208], 7)


@pytest.mark.parametrize("chunk", [32, 7, 1000])
def test_the_table_has_every_patch_in_order_however_it_is_read(patches, model, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(module, "CHUNK", chunk)
    path, truth = patches
    table = read_predictions_of(predict_patches(path, model, out=tmp_path / "out", show=lambda line: None))
    np.testing.assert_array_equal(table["y_true"], truth)
    assert table["id"].tolist() == list(range(COUNT))
    with h5py.File(path) as file:
        expected = PatchScorer(model)(tiles_of(file["x"][:5]))
    np.testing.assert_allclose(table["y_prob"][:5], expected, rtol=1e-6)
    np.testing.assert_array_equal(table["y_pred"], table["y_prob"] >= 0.4)


def read_predictions_of(path):
    return np.genfromtxt(path, delimiter=",", names=True)


def test_the_command_scores_what_predictions_scores_again(patches, model, tmp_path, capsys):
    words = ["--patches", str(patches[0]), "--model", str(model), "--resamples", "40"]
    assert evaluate.main([*words, "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert f"{COUNT} patches called tumour from 0.4 on" in shown and "intervals are too narrow" in shown
    table = tmp_path / "out" / "predictions-camelyonpatch_level_2_split_test_x.csv"
    assert evaluate.main(["--predictions", str(table), "--resamples", "40"]) == 0
    again = capsys.readouterr().out
    numbers = [line for line in again.splitlines() if line.strip()]
    assert numbers and all(line in shown for line in numbers)
    assert (tmp_path / "out" / "predictions-scored.csv").exists()


def test_labels_may_be_named_or_lie_in_the_same_file(patches, tmp_path):
    path, truth = patches
    with h5py.File(path, "r") as file:
        x = file["x"][:4]
    other = tmp_path / "own.h5"
    with h5py.File(other, "w") as file:
        file["x"], file["y"] = x, truth[:4, None, None, None]
    with PatchFile(other) as own:
        np.testing.assert_array_equal(own.labels, truth[:4])
    write(tmp_path, "valid", y=1 - truth[:4, None, None, None])
    with PatchFile(other, tmp_path / "camelyonpatch_level_2_split_valid_y.h5") as named:
        np.testing.assert_array_equal(named.labels, 1 - truth[:4])


X, Y = np.zeros((3, 96, 96, 3), np.uint8), np.zeros((3, 1, 1, 1), np.uint8)


@pytest.mark.parametrize("sets, told", [
    ({"y": Y, "x": X.astype(np.float32)}, "Expected x of type uint8. Received: float32"),
    ({"y": Y, "x": X[:, :90]}, r"Expected x of shape \(n, 96, 96, 3\). Received: \(3, 90, 96, 3\)"),
    ({"y": Y, "x": X[:0]}, r"Received: \(0, 96, 96, 3\)"),
    ({"y": Y[:2], "x": X}, "Expected a label of each of the 3 patches. Received: 2"),
    ({"y": Y[:, 0], "x": X}, r"Expected y of shape \(n, 1, 1, 1\). Received: \(3, 1, 1\)"),
    ({"y": Y + 2, "x": X}, "Expected y of 0 and 1. Received: 2"),
    ({"x": X}, "Expected labels in a data set y, or in a file beside it. Received: neither; give --labels"),
])
def test_other_arrays_are_refused(tmp_path, sets, told):
    with pytest.raises(PatchError, match=told):
        PatchFile(write(tmp_path, **sets))


def test_other_files_are_refused_in_one_line(tmp_path, model, patches, capsys):
    def refused(*words):
        assert evaluate.main([str(word) for word in words]) == 2
        line = capsys.readouterr().err.strip()
        assert line.startswith("evaluate.py: ") and "\n" not in line
        return line

    none, text = tmp_path / "none.h5", tmp_path / "text.h5"
    text.write_text("x")
    assert "there is no such file" in refused("--patches", none, "--model", model)
    assert "cannot be read as HDF5" in refused("--patches", text, "--model", model)
    packed = text.rename(tmp_path / "text.h5.gz")
    assert "unpack it first" in refused("--patches", packed, "--model", model)
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file["z"] = X
    assert "Expected a data set x (n, 96, 96, 3)" in refused("--patches", tmp_path / "z.h5", "--model", model)
    assert "Expected a folder with mil_tf.json" in refused("--patches", patches[0], "--model", tmp_path)


def test_a_model_of_something_else_is_refused(tmp_path):
    with pytest.raises(ModelError, match="tiles of red, green and blue. Received: one of 1 channels"):
        PatchScorer(write_model(tmp_path / "ct", channels=1))
    folder = write_model(tmp_path / "broken")
    (folder / "saved_model.pb").unlink()
    with pytest.raises(ModelError, match="its SavedModel cannot be loaded"):
        PatchScorer(folder)


def test_a_model_without_a_threshold_decides_at_one_half(tmp_path):
    folder = write_model(tmp_path / "export")
    (folder / "mil_tf.json").write_text(json.dumps({"format": 1, "threshold": None}))
    assert PatchScorer(folder).threshold == 0.5


@pytest.mark.parametrize(("tiles", "told"), [
    ({"tile": 224, "mpp": 0.5}, False), ({"tile": 224, "mpp": 0.46}, False), ({}, False),
    ({"tile": 64, "mpp": 0.5}, True), ({"tile": 224, "mpp": 2.0}, True),
])
def test_a_model_of_other_tiles_is_warned_of(tiles, told):
    warning = unlike(tiles)
    assert ("learned from tiles of" in warning) == told == bool(warning)
