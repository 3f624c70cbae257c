"""The method of kraus2016, whole runs on fields of seconds: what it learns, writes, refuses, and goes on with."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train
from mil_tf.inference import predict_dataset
from tests.fields import CLASSES, SIZES, field, settings, write_fields
from tests.runs import elsewhere, rows
from tfrecords import Bag, DatasetError
from tfrecords.writer import DatasetWriter

OPTIONS = (
    "widths=(8,8,8,16,16,32) first_stride=1 window=8 max_epochs=3 learning_rate=0.01 cell_crop=33 dropout=0.1 "
    "pool_dropout=0.1 image_every=2 crop=36 micro_batch=3 maps=2"
).split()
ROOT, NAME = Path(train.__file__).parent, Path("kraus2016", "bags-24", "fold-0", "seed-0")
TABLES = ("bags.csv", "history.csv", "pooling.json", "segmentation-test.csv", "regions-test.csv", "maps-test/drawn.csv", *(
    f"{kind}-{name}.csv" for kind in ("predictions", "cells") for name in ("validation", "test")
))


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    return write_fields(tmp_path_factory.mktemp("fields") / "data")


def arguments(data, out, *more):
    return ["--recipe", "kraus2016", "--data", str(data), "--out", str(out), "--set", *OPTIONS, *more]


def trained(data, out, *more, flags=()):
    return train.main([*flags, *arguments(data, out, *more)]), out / NAME


@pytest.fixture(scope="module")
def run(fields, tmp_path_factory):
    code, folder = trained(fields, tmp_path_factory.mktemp("runs"))
    assert code == 0
    return folder


def test_a_run_leaves_what_it_promises(run):
    assert all((run / name).is_file() for name in TABLES) and not list(run.glob("instances-*"))
    config = json.loads((run / "config.json").read_text())
    assert config["classes"] == CLASSES and config["channels"] == ["DNA", "Actin"] and config["single_label"] is True
    assert config["ending"] == "softmax" and config["preprocessing"]["kind"] == "fields"
    assert {row["label"] for row in rows(run / "bags.csv")} == set(CLASSES)
    assert list(json.loads((run / "pooling.json").read_text())["thresholds"]) == CLASSES
    told = json.loads((run / "export" / "mil_tf.json").read_text())
    assert told["classes"] == CLASSES and told["channels"] == ["DNA", "Actin"] and told["least"] == 33
    assert told["pooling"]["slope"] == 10 and "threshold" not in told and told["stride"] == 16


def test_constants_are_those_of_the_training_fields(run):
    kept = json.loads((run / "config.json").read_text())["standardisation"]
    pixels = np.concatenate([field(i).instances.reshape(-1, 2) for i in range(24)]).astype(np.float64)
    np.testing.assert_allclose(kept["mean"], pixels.mean(0), rtol=1e-6)
    np.testing.assert_allclose(kept["std"], pixels.std(0), rtol=1e-6)


def test_the_best_epoch_is_that_of_the_least_loss_and_its_tables_are_kept(run):
    history = rows(run / "history.csv")
    best = min(history, key=lambda row: float(row["validation_loss"]))
    table = rows(run / "predictions-validation.csv")
    truth, found = (np.array([[float(row[f"y_{kind}_{name}"]) for name in CLASSES] for row in table]) for kind in ("true", "prob"))
    assert (truth.argmax(1) != found.argmax(1)).mean() == pytest.approx(float(best["validation_error"]))


def test_the_exported_model_gives_the_tables_answers_and_needs_no_package(run, tmp_path):
    np.savez(tmp_path / "given.npz", **{str(i): field(i).instances.astype(np.float32) for i in range(33, 42)})
    program = (
        "import sys\n"
        "sys.modules['mil_tf'] = sys.modules['keras'] = None\n"
        "import numpy as np, tensorflow as tf\n"
        "loaded = tf.saved_model.load(sys.argv[1])\n"
        "model, maps = (loaded.signatures[name] for name in ('fields', 'maps'))\n"
        "given = np.load(sys.argv[2])\n"
        "found = [model(fields=tf.constant(given[key])) for key in given.files]\n"
        "np.savez(sys.argv[3], **{name: np.concatenate([f[name] for f in found]) for name in ('probabilities', 'pooled')},\n"
        "         map=found[0]['map'], jacobian=maps(fields=tf.constant(given['33']))['jacobian'])\n"
    )
    paths = [str(run / "export"), str(tmp_path / "given.npz"), str(tmp_path / "found.npz")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True, cwd=tmp_path, capture_output=True)
    found, table = np.load(tmp_path / "found.npz"), rows(run / "predictions-test.csv")
    for kind, name in (("prob", "probabilities"), ("pool", "pooled")):
        expected = [[float(row[f"y_{kind}_{one}"]) for one in CLASSES] for row in table]
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert found["map"].shape == (1, 1, 2, 3)  # of a field of 40 x 60 pixels
    assert found["jacobian"].shape == (40, 60) and found["jacobian"].max() > 0 == found["jacobian"].min()


def test_it_learns_the_classes_from_fields_of_two_sizes(fields, tmp_path):
    more = ["max_epochs=40", "dropout=0.0", "pool_dropout=0.0", "crop=0", "image_every=0", "micro_batch=0"]
    code, folder = trained(fields, tmp_path, *more)
    losses = [float(row["train_loss"]) for row in rows(folder / "history.csv")]
    assert code == 0 and losses[-1] < 0.3 * losses[1]
    table, cells = rows(folder / "predictions-test.csv"), rows(folder / "cells-test.csv")

    def accuracy(table, kind):
        right = [max(CLASSES, key=lambda name: float(row[f"y_{kind}_{name}"])) for row in table]
        return np.mean([row[f"y_true_{name}"] == "1" for row, name in zip(table, right)])

    assert accuracy(table, "prob") > 0.8 and accuracy(cells, "pool") > 0.7  # of the cells alone it has seen no label
    assert {tuple(field(i).instances.shape[1:3]) for i in range(33, 42)} == set(SIZES)


@pytest.mark.long
def test_same_seed_same_bits_and_a_resumed_run_too(run, fields, tmp_path, monkeypatch):
    from mil_tf.training.loop import Loop

    steps, step = [], Loop._step

    def killed(self, state, window):
        step(self, state, window)
        steps.append(state.step)
        if len(steps) == 5:  # within the second epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_step", killed)
    assert trained(fields, tmp_path)[0] == 130
    monkeypatch.undo()
    code, again = trained(fields, tmp_path, flags=["--resume"])
    assert code == 0
    assert {name: (again / name).read_bytes() for name in TABLES} == {name: (run / name).read_bytes() for name in TABLES}
    weights = [json.loads((folder / "export" / "mil_tf.json").read_text())["weights"] for folder in (run, again)]
    assert weights[0] == weights[1]


@pytest.mark.long
def test_several_classes_a_field_end_in_sigmoids(tmp_path):
    data = write_fields(tmp_path / "data", several=True)
    code, folder = trained(data, tmp_path / "runs", "max_epochs=1", "rotation=any", "pooling=log_sum_exp(r=5)")
    assert code == 0
    config = json.loads((folder / "config.json").read_text())
    assert config["ending"] == "sigmoid" and config["single_label"] is False
    assert json.loads((folder / "pooling.json").read_text()) == {"pooling": "log_sum_exp", "r": 5.0}
    assert "disc;dots" in {row["label"] for row in rows(folder / "bags.csv")}
    sums = [sum(float(row[f"y_prob_{name}"]) for name in CLASSES) for row in rows(folder / "predictions-test.csv")]
    assert max(abs(total - 1) for total in sums) > 1e-3


def test_the_baseline_learns_from_cells_and_answers_by_their_mean(fields, tmp_path):
    code, folder = trained(fields, tmp_path, "learns_from=cells", "cells=3", "max_epochs=2")
    assert code == 0 and json.loads((folder / "pooling.json").read_text()) == {"pooling": "none", "r": None}
    table, cells = rows(folder / "predictions-test.csv"), rows(folder / "cells-test.csv")
    for row in table:
        mine = [float(cell["y_prob_ring"]) for cell in cells if cell["id"] == row["id"]]
        assert float(row["y_prob_ring"]) == pytest.approx(np.mean(mine), abs=1e-6)
        assert row["y_pool_ring"] == row["y_prob_ring"]
    assert not list(folder.glob("segmentation-*"))  # it has no class maps to be asked


def test_another_cohort_is_answered_as_the_runs_own_was(run, fields, tmp_path):
    copy = elsewhere(run, tmp_path / "run")
    predict_dataset(copy, fields, "other")
    own = {row["id"]: row for row in rows(run / "predictions-test.csv")}
    other = {row["id"]: row for row in rows(copy / "predictions-other.csv")}
    assert len(other) == 42 and not list(copy.glob("instances-*"))
    for id, row in own.items():
        assert other[id]["y_true_dots"] == row["y_true_dots"]
        assert float(other[id]["y_prob_dots"]) == pytest.approx(float(row["y_prob_dots"]), abs=1e-5)
    assert len(rows(copy / "segmentation-other.csv")) == 2 and list((copy / "maps-other").glob("*.png"))
    assert len(rows(copy / "cells-other.csv")) == sum(len(field(i).points) for i in range(42))


@pytest.mark.parametrize(
    "info, told",
    [
        ({"classes": CLASSES, "preprocessing": settings(channels=["Actin", "DNA"])}, "the channels .*, DNA, Actin. Received: Actin, DNA"),
        ({"classes": ["disc", "dots", "star"], "preprocessing": settings()}, "the classes .*disc, dots, ring. Received: disc, dots, star"),
    ],
)
def test_a_cohort_of_other_channels_or_classes_is_refused(run, tmp_path, info, told):
    data = write_fields(tmp_path / "data", info=info, count=2)
    copy = elsewhere(run, tmp_path / "run")
    with pytest.raises(DatasetError, match=told):
        predict_dataset(copy, data, "other")
    assert not list(copy.glob("*-other.csv"))


def broken(folder, *bags, classes=CLASSES, told=None):
    """A data set of these bags in place of the last fields."""
    kept = [field(index) for index in range(42 - len(bags))]
    writer = DatasetWriter(folder, [[bag.id for bag in (*kept, *bags)]], {"classes": classes, "preprocessing": told or settings()})
    with writer.shard(0) as shard:
        for bag in (*kept, *bags):
            shard.write(bag)
    writer.finish()
    names = ["train"] * 24 + ["validation"] * 9 + ["test"] * 9
    lines = [f"{bag.id},{bag.patient},{name},0" for bag, name in zip((*kept, *bags), names)]
    (folder / "splits.csv").write_text("\n".join(["id,patient,split,fold", *lines]) + "\n")
    return folder


def bag(shape=(1, 48, 48, 2), label=(1, 0, 0)):
    return Bag("last", "last", label, np.zeros(shape, np.float16), np.arange(shape[0]))


@pytest.mark.parametrize(
    "given, told",
    [
        ({"bags": [bag((1, 48, 32, 2))]}, "bag last: Expected a field of at least 33 x 33 pixels.* Received: 48 x 32"),
        ({"bags": [bag((2, 48, 48, 2))]}, "Expected bags of one field. Received: 2 images in bag last"),
        ({"bags": [bag(label=(1, -1, 0))]}, "bag last: Expected 0 or 1 for each of 3 classes. Received: \\(1, -1, 0\\)"),
        ({"bags": [bag((1, 48, 48, 3))]}, "bag last: Expected a field of float16 and 2 channels, as bag"),
        ({"bags": [], "told": settings(channels=["DNA"])}, "as many channels as dataset.json names, DNA. Received: 2"),
    ],
)
def test_fields_that_cannot_be_are_one_line(tmp_path, capsys, given, told):
    data = broken(tmp_path / "data", *given.pop("bags"), **given)
    capsys.readouterr()
    assert trained(data, tmp_path / "runs")[0] == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and re.search(told, said), said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("option", [
    "pooling=attention", "pooling=noisy", "ending=tanh", "rotation=all", "keep=first", "monitor=map", "learns_from=bags",
    "crop=20", "cell_crop=20", "first_stride=3", "widths=(3,3)",
])
def test_an_option_that_cannot_be_is_one_line(fields, tmp_path, capsys, option):
    assert trained(fields, tmp_path, option)[0] == 2
    assert len(capsys.readouterr().err.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_there_is_no_released_variant(fields, tmp_path, capsys):
    assert trained(fields, tmp_path, flags=["--variant", "released"])[0] == 2
    assert "--variant: Expected one of default, paper. Received: 'released'" in capsys.readouterr().err


def test_softmax_is_refused_where_fields_have_several_classes(tmp_path, capsys):
    data = write_fields(tmp_path / "data", several=True)
    assert trained(data, tmp_path / "runs", "ending=softmax")[0] == 2
    assert "Expected sigmoid, or fields of one class each. Received: softmax, and fields of 1 to 2 classes" in capsys.readouterr().err


def test_cells_that_are_not_known_cannot_be_learned_from(tmp_path, capsys):
    data = broken(tmp_path / "data", *(Bag(str(i), str(i), np.eye(3)[i % 3], field(i).instances, [0]) for i in range(42)))
    assert trained(data, tmp_path / "runs", "learns_from=cells")[0] == 2
    assert "Expected training fields whose cells are known" in capsys.readouterr().err


def test_bags_of_slices_are_refused(tiny_data, tmp_path, capsys):
    assert trained(tiny_data, tmp_path)[0] == 2
    assert "of `python -m preprocessing fields`. Received: bags of another kind, 'ct'" in capsys.readouterr().err


def test_fields_are_refused_by_a_method_of_binary_labels(fields, tmp_path, capsys):
    assert train.main(["--data", str(fields), "--out", str(tmp_path)]) == 2
    assert "Expected a label of 0 or 1. Received: (1, 0, 0)" in capsys.readouterr().err



DEVICES = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import train
sys.exit(train.main(sys.argv[1:]))
"""


@pytest.mark.long
@pytest.mark.slow
def test_two_devices_equal_one(tmp_path):
    data = write_fields(tmp_path / "data", sizes=SIZES[:1])
    # Not Adam: of a gradient that is all but 0 its first steps take the sign, which rounding decides.
    plain = "dropout=0.0 pool_dropout=0.0 image_every=0 max_epochs=2 optimizer=SGD learning_rate=0.001".split()
    assert trained(data, tmp_path / "one", *plain)[0] == 0
    command = ["--strategy", "mirrored", *arguments(data, tmp_path / "two", *plain)]
    done = subprocess.run([sys.executable, "-c", DEVICES, *command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for table in ("history", "predictions-validation", "predictions-test", "cells-test"):
        one, two = (rows(tmp_path / name / NAME / f"{table}.csv") for name in ("one", "two"))
        assert [list(row) for row in one] == [list(row) for row in two] and one
        for row, other in zip(one, two):
            for name, value in row.items():
                assert value == other[name] or float(other[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-4), name
