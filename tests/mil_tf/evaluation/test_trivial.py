"""The trivial detector's scores come from the data set once, then from the run's own table, or it says why not."""

import json
import shutil

import numpy as np
import pytest

from mil_tf.evaluation.baselines import largest_component
from mil_tf.evaluation.trivial import NotComputed, trivial_scores
from mil_tf.runs import digest
from tfrecords import Dataset

INFO = {"classes": ["hemorrhage"], "preprocessing": {"kind": "ct"}}
SPACING = [1.0, 2.0, 5.0]


def scan(boxes):
    """(6, 12, 12, 1) HU in anatomical order, with so many slices of blood."""
    pixels = np.full((6, 12, 12, 1), 35, np.float16)
    pixels[:boxes, 2:10, 2:10] = 72
    return pixels


@pytest.fixture
def bags(make_bag):
    order = np.array([3, 0, 5, 1, 4, 2])  # stored shuffled: slice order[i] of the scan is instance i
    return [make_bag(f"b{boxes}", 6, instances=scan(boxes)[order], source_index=order, spacing=SPACING)
            for boxes in (0, 2, 4)]


@pytest.fixture
def data(write_dataset, bags):
    return write_dataset(bags, info=INFO)


@pytest.fixture
def run(tmp_path, data):
    folder = tmp_path / "run"
    folder.mkdir()
    facts = {"folder": str(data), "shards": digest(Dataset(data).info["shards"])}
    (folder / "config.json").write_text(json.dumps({"data": facts}))
    return folder


def test_slices_are_put_in_their_order_before_they_are_connected(run):
    found = trivial_scores(run, "test", ["b4", "b0", "b2"])
    assert found.tolist() == [largest_component(scan(n), SPACING) for n in (4, 0, 2)]
    assert found[1] == 0 < found[2] < found[0]


def test_they_are_kept_beside_the_run(run, data):
    first = trivial_scores(run, "test", ["b0", "b4"])
    shutil.rmtree(data)
    assert trivial_scores(run, "test", ["b4", "b0"]).tolist() == first[::-1].tolist()
    with pytest.raises(NotComputed, match="no data set in"):
        trivial_scores(run, "test", ["b0", "b2"])


def test_a_broken_table_is_made_again(run):
    (run / "baseline-test.csv").write_text("id,largest_component_cm3\nb0,")
    assert trivial_scores(run, "test", ["b0"]).tolist() == [0]


def test_another_cohort_has_its_own_data_set(run, write_dataset, make_bag):
    there = write_dataset([make_bag("c", 6, instances=scan(3), source_index=range(6), spacing=SPACING)], name="there", info=INFO)
    assert trivial_scores(run, "there", ["c"], there).tolist() == [largest_component(scan(3), SPACING)]


def test_work_of_some_length_is_announced(run, monkeypatch):
    monkeypatch.setattr("mil_tf.evaluation.trivial.SHORT", -1)
    shown = []
    trivial_scores(run, "test", ["b0", "b2"], show=shown.append)
    assert len(shown) == 1
    assert "trivial baseline of test, 2 bags of " in shown[0]


def test_what_cannot_answer_says_why(run, data, write_dataset, bags, tmp_path):
    with pytest.raises(NotComputed, match="bag z is not in"):
        trivial_scores(run, "test", ["b0", "z"])
    facts = {"folder": str(data), "shards": "another"}
    (run / "config.json").write_text(json.dumps({"data": facts}))
    with pytest.raises(NotComputed, match="has changed since the run was trained on it"):
        trivial_scores(run, "test", ["b0"])
    with pytest.raises(NotComputed, match="defined in HU, and .* was not made from CT"):
        trivial_scores(run, "other", ["b0"], write_dataset(bags, name="plain"))
    (run / "config.json").unlink()
    with pytest.raises(NotComputed, match="config.json names no data set"):
        trivial_scores(run, "test", ["b0"])


def test_a_bag_without_spacing_has_no_volume(run, write_dataset, make_bag):
    there = write_dataset([make_bag("c", 6, instances=scan(3), source_index=range(6))], name="there", info=INFO)
    with pytest.raises(NotComputed, match="bag c has no spacing"):
        trivial_scores(run, "there", ["c"], there)
