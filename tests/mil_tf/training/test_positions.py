"""The method of nemcek2021, whole runs on slices of seconds: what it learns from, writes, refuses, and goes on with."""

import json

import numpy as np
import pytest
import tensorflow as tf

import train
from mil_tf.inference import predict_dataset
from mil_tf.options import OptionError
from mil_tf.training.positions import class_weights, learning_rate, weighted
from tests.runs import elsewhere, rows
from tests.slices import SETTINGS, SIZES, one_slice, write_slices

OPTIONS = "soft_epochs=1 max_epochs=3 drops=[2] window=5 crop=12 micro_batch=3 trials=2 image_every=2 learning_rate=0.003".split()


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    return write_slices(tmp_path_factory.mktemp("slices"))


def trained(slices, out, *more):
    code = train.main(["--recipe", "nemcek2021", "--data", str(slices), "--out", str(out), "--set", *OPTIONS, *more])
    return code, out / "nemcek2021" / "bags-24" / "fold-0" / "seed-0"


@pytest.fixture(scope="module")
def run(slices, tmp_path_factory):
    code, folder = trained(slices, tmp_path_factory.mktemp("runs"))
    assert code == 0
    return folder


def test_a_run_leaves_its_detector_points_and_maps(run):
    told = json.loads((run / "detector.json").read_text())
    assert told["source"] == "tuned" and told["trials"] == 12 and told["pooling"] == "max"
    located = rows(run / "located-test.csv")
    assert len(located) == 32 and {row["used"] for row in located} == {"tune", "test"}
    uses = {row["patient"]: row["used"] for row in located}
    assert all(uses[row["patient"]] == row["used"] for row in located)
    assert sum(use == "tune" for use in uses.values()) == 4  # two of four with boxes, two of four without
    assert (run / "points-test.csv").is_file()
    loaded = tf.saved_model.load(str(run / "export")).signatures["maps"]
    found = loaded(slices=tf.zeros((2, 16, 16, 1)))
    assert found["map"].shape == (2, 4, 4) and found["probabilities"].shape == (2, 2)
    assert json.loads((run / "export" / "mil_tf.json").read_text())["positions"]["detector"] == told["detector"]


def test_the_best_epoch_is_that_of_the_fewest_errors(run):
    errors = [float(row["validation_error"]) for row in rows(run / "history.csv")]
    table = rows(run / "predictions-validation.csv")
    wrong = np.mean([(float(row["y_prob"]) >= 0.5) != (row["y_true"] == "1") for row in table])
    assert wrong == pytest.approx(min(errors))


def test_constants_of_the_channels_are_those_of_the_training_slices(run, slices):
    from mil_tf.models.channels import measured

    kept = json.loads((run / "config.json").read_text())["standardisation"]
    pixels = [one_slice(p, i).instances for p in range(SIZES["train"]) for i in range(4)]
    for ours, expected in zip((kept["mean"], kept["std"]), measured(pixels)):
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_the_exported_maps_are_those_of_the_tables(run, slices):
    """Points found through the SavedModel's maps are the points of the table."""
    from mil_tf.data import ShardSource
    from mil_tf.localization.detector import Detector
    from mil_tf.localization.located import points_of
    from tfrecords import Dataset

    dataset = Dataset(slices)
    source = ShardSource(dataset, dataset.splits(0)["test"])
    detector = Detector(**json.loads((run / "detector.json").read_text())["detector"])
    score = tf.saved_model.load(str(run / "export")).signatures["maps"]
    found = []
    for place, id in enumerate(source.ids):
        answer = score(slices=tf.constant(source.take(place, [0]), tf.float32))
        points, _ = points_of(answer["map"].numpy()[0], (16, 16), answer["probabilities"].numpy()[0, 1], detector)
        found += [(id, *map(str, point)) for point in points.tolist()]
    assert found == [(row["id"], row["row"], row["column"]) for row in rows(run / "points-test.csv")]


@pytest.mark.long
def test_same_seed_same_bits_and_a_resumed_run_too(run, slices, tmp_path, bits, monkeypatch):
    from mil_tf.training.loop import Loop

    steps = []
    step = Loop._step

    def killed(self, state, window):
        step(self, state, window)
        steps.append(state.step)
        if len(steps) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_step", killed)
    assert trained(slices, tmp_path)[0] == 130
    monkeypatch.undo()
    again = ["--recipe", "nemcek2021", "--data", str(slices), "--out", str(tmp_path), "--resume", "--set", *OPTIONS]
    assert train.main(again) == 0
    again = tmp_path / "nemcek2021" / "bags-24" / "fold-0" / "seed-0"
    first, second = bits(run), bits(again)
    assert first.keys() == second.keys() and all(first[name] == second[name] for name in first)
    for name in ("points-test.csv", "located-test.csv", "detector.json"):
        assert (run / name).read_bytes() == (again / name).read_bytes()


@pytest.mark.long
def test_attention_and_the_released_variant_run_too(slices, tmp_path):
    more = ["pooling=attention", "max_epochs=1", "detector=published", "only_positive=true"]
    code, folder = trained(slices, tmp_path / "a", *more)
    assert code == 0 and json.loads((folder / "detector.json").read_text())["source"] == "published"
    options = ["max_epochs=1", "trials=1", "window=8", "chunk=5"]
    command = ["--recipe", "nemcek2021", "--variant", "released", "--data", str(slices), "--out", str(tmp_path / "b")]
    assert train.main([*command, "--set", *options]) == 0


def test_another_cohort_is_scored_by_the_frozen_detector(run, slices, tmp_path):
    copy = elsewhere(run, tmp_path / "run")
    predict_dataset(copy, slices, "other")
    located = rows(copy / "located-other.csv")
    tuners = {row["patient"] for row in rows(copy / "located-test.csv") if row["used"] == "tune"}
    assert len(located) == 64 and len(tuners) == 4  # whoever has tuned never tests, under whatever cohort's name
    assert {row["patient"] for row in located if row["used"] == "tune"} == tuners
    counts = {row["id"]: row["tp"] for row in rows(copy / "located-test.csv")}
    assert {row["id"]: row["tp"] for row in located if row["id"] in counts} == counts
    assert (copy / "detector.json").read_bytes() == (run / "detector.json").read_bytes()


@pytest.mark.long
def test_a_detector_that_could_not_be_tuned_is_on_the_first_cohort_with_boxes(run, slices, tmp_path):
    copy = elsewhere(run, tmp_path / "run")
    told = json.loads((copy / "detector.json").read_text())
    published = {"h": 0.024, "threshold": 0.76, "distance": 10}
    (copy / "detector.json").write_text(json.dumps({**told, "source": "published", "detector": published, "cohort": None}))
    predict_dataset(copy, slices, "other")
    frozen = json.loads((copy / "detector.json").read_text())
    assert frozen["source"] == "tuned" and frozen["cohort"] == "other"
    assert json.loads((copy / "export" / "mil_tf.json").read_text())["positions"]["detector"] == frozen["detector"]
    first = (copy / "located-other.csv").read_bytes()
    assert {row["used"] for row in rows(copy / "located-other.csv")} == {"tune", "test"}
    predict_dataset(copy, slices, "other")  # again: the same patients tune
    assert (copy / "located-other.csv").read_bytes() == first
    predict_dataset(copy, slices, "third")
    used = [{(row["id"], row["used"]) for row in rows(copy / f"located-{name}.csv")} for name in ("other", "third")]
    assert used[0] == used[1]  # the same patients under another name: who has tuned does not test


def test_a_cohort_of_scans_is_refused_before_anything_is_written(run, tmp_path):
    from tfrecords import Bag, DatasetError
    from tfrecords.writer import DatasetWriter

    writer = DatasetWriter(tmp_path / "scans", [["a"]], {"classes": ["hemorrhage"], "preprocessing": SETTINGS})
    with writer.shard(0) as shard:
        shard.write(Bag("a", "elsewhere", [0], np.zeros((2, 16, 16, 1), np.float16), [0, 1]))
    writer.finish()
    with pytest.raises(DatasetError, match="Expected bags of one slice.* Received: 2 slices in bag a."):
        predict_dataset(run, tmp_path / "scans", "scans")
    assert not list(run.glob("*-scans.*"))


def test_scans_are_refused(tiny_data, tmp_path, capsys):
    assert train.main(["--recipe", "nemcek2021", "--data", str(tiny_data), "--out", str(tmp_path)]) == 2
    assert "--unit slice" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["augmentation=more", "keep=first", "detector=mine", "form=new", "pooling=mean",
                                    "start=missing.keras"])
def test_a_choice_that_is_none_is_refused_in_one_line(slices, tmp_path, capsys, option):
    assert trained(slices, tmp_path, option)[0] == 2
    assert len(capsys.readouterr().err.splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_run_begins_with_given_weights(slices, tmp_path):
    from mil_tf.models.position_mil import network

    network("paper", "max").save(tmp_path / "network.keras")
    more = [f"start={tmp_path / 'network.keras'}", "max_epochs=1", "learning_rate=1e-30"]
    code, folder = trained(slices, tmp_path / "runs", *more)
    assert code == 0
    from mil_tf.training.run import trained as restored

    kept = restored(folder, json.loads((folder / "config.json").read_text())).model
    import keras

    given = keras.models.load_model(tmp_path / "network.keras")
    for ours, theirs in zip(kept.trainable_variables, given.trainable_variables):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_classes_weigh_the_same_together():
    weights = class_weights([0, 0, 0, 1])
    np.testing.assert_allclose(weights, [4 / 3, 4])
    loss = weighted(lambda targets, logits: tf.ones(len(targets)), weights)
    np.testing.assert_allclose(loss(tf.one_hot([0, 1], 2), tf.zeros((2, 2))), weights)
    with pytest.raises(OptionError, match="both kinds. Received: 0 positive of 3"):
        class_weights([0, 0, 0])


def test_the_rate_drops_as_the_paper_says():
    rate = learning_rate({"learning_rate": 0.01, "drops": (20, 30, 35)})
    tenths = [round(np.log10(rate(epoch) / 0.01)) for epoch in (0, 19, 20, 29, 30, 34, 35, 39)]
    assert tenths == [0, 0, -1, -1, -2, -2, -3, -3]
