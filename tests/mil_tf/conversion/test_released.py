"""The command: what it writes answers in a fresh process, and what it refuses it says in one line."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from mil_tf.released import main

# In a process of its own, where nothing of the conversion has been imported.
FRESH = """
import sys
import numpy as np
import keras
from mil_tf.models import position_mil
folder, given, out = sys.argv[1:]
network = keras.models.load_model(folder + "/network.keras")
found = network(np.load(given)["channels"], training=False)
np.savez(out, **{name: np.asarray(value) for name, value in found.items()})
assert "torch" not in sys.modules
"""

# Where neither mil-tf nor Keras can be imported: `-I` and another folder do for a clone, the blocked names for an
# installed package.
ALONE = """
import sys
for name in ("mil_tf", "tfrecords", "preprocessing", "keras", "tf_keras", "torch"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
folder, given, out = sys.argv[1:]
loaded = tf.saved_model.load(folder + "/export")
hu = tf.constant(np.load(given)["hu"])
ways = {"called": loaded(hu), **{name: loaded.signatures[name](slices=hu) for name in ("slices", "serving_default")}}
np.savez(out, **{way + ":" + name: value.numpy() for way, found in ways.items() for name, value in found.items()})
"""


def run(code, *args, isolated=()):
    done = subprocess.run([sys.executable, *isolated, "-c", code, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def released_channels(hu):
    """Their preprocessing, written down again: stored values, both windows stretched over 0..4096, (x - 400) / 1000."""
    stored = hu[..., 0].astype(np.float64) + 1024
    channels = [stored]
    for level, width in ((40, 80), (50, 130)):
        low, high = level - width / 2 + 1024, level + width / 2 + 1024
        channels.append(np.clip((stored - low) / (high - low) * 4096, 0, 4096))
    return ((np.stack(channels, axis=-1) - 400) / 1000).astype(np.float32)


@pytest.fixture(params=["max", "attention"])
def file(request, state_of, write_state):
    return request.param, write_state(state_of(request.param))


@pytest.mark.long
@pytest.mark.slow
def test_both_models_answer_alike_in_fresh_processes(file, tmp_path, capsys):
    pooling, path = file
    out = tmp_path / "made" / "model"
    assert main(["nemcek2021", str(path), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert f"{pooling} pooling" in shown and "left out: layers 0-2, 7-9 and 14-16" in shown
    assert sorted(each.name for each in out.iterdir()) == ["export", "network.keras", "source.json"]
    hu = np.random.default_rng(0).normal(40, 60, (2, 40, 51, 1)).astype(np.float32)
    hu[0, :9] = -1024
    np.savez(tmp_path / "given.npz", hu=hu, channels=released_channels(hu))
    run(FRESH, out, tmp_path / "given.npz", tmp_path / "fresh.npz")
    run(ALONE, out, tmp_path / "given.npz", tmp_path / "alone.npz", isolated=["-I"])
    fresh, alone = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("fresh", "alone"))
    assert {name: value.shape for name, value in fresh.items()} == {"logit": (2, 1), "map": (2, 5, 6, 1)}
    assert abs(fresh["logit"][0] - fresh["logit"][1]) > 1e-3  # it looks at the slice
    assert len(alone) == 6
    for key, value in alone.items():
        expected = fresh[key.partition(":")[2]]
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    source = json.loads((out / "source.json").read_text())
    assert source == {
        "paper": "nemcek2021", "form": "released", "pooling": pooling, "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def test_the_authors_file_is_turned_into_models(real, tmp_path):
    assert main(["nemcek2021", str(real), "--out", str(tmp_path / "model")]) == 0
    assert json.loads((tmp_path / "model" / "source.json").read_text())["sha256"].startswith("52f347fb6b44a5d6")
    hu = np.full((1, 256, 256, 1), -1024, np.float32)
    np.savez(tmp_path / "given.npz", hu=hu)
    run(ALONE, tmp_path / "model", tmp_path / "given.npz", tmp_path / "alone.npz", isolated=["-I"])
    assert np.load(tmp_path / "alone.npz")["slices:logit"].item() == pytest.approx(-4.85632, abs=1e-4)


def refused(capsys, *args):
    assert main(["nemcek2021", *map(str, args)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_is_refused_is_one_line_and_leaves_nothing(state_of, write_state, tmp_path, capsys):
    out = tmp_path / "model"
    assert "none.pt cannot be read" in refused(capsys, tmp_path / "none.pt", "--out", out)
    state = state_of("attention")
    renamed = {name.replace("conv_tanh", "conv_V"): array for name, array in state.items()}
    path = write_state(renamed)
    line = refused(capsys, path, "--out", out)
    assert str(path) in line and "missing: 'attention.conv_tanh.bias', 'attention.conv_tanh.weight'" in line
    assert "refused" in refused(capsys, write_state(state, pickle=b"\x80\x02cos\nsystem\n."), "--out", out)
    assert [each.name for each in tmp_path.iterdir()] == ["state.pt"]


def test_a_folder_that_is_there_is_replaced_only_where_it_is_a_model(state_of, write_state, tmp_path, capsys):
    path, out = write_state(state_of("max")), tmp_path / "model"
    out.mkdir()
    (out / "thesis.tex").touch()
    for more in ((), ("--force",)):
        assert "is there already; give another --out." in refused(capsys, path, "--out", out, *more)
    assert (out / "thesis.tex").exists()
    (out / "thesis.tex").rename(out / "source.json")
    assert "--force to replace it" in refused(capsys, path, "--out", out)
    assert main(["nemcek2021", str(path), "--out", str(out), "--force"]) == 0
    assert (out / "network.keras").exists() and not (tmp_path / ".model.part").exists()
