import csv
import json
import shutil

import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.inference import predict_dataset, slice_positions, write_tables
from tfrecords import Dataset, DatasetError

# z = 5 * source_index + 0.2 * column - 0.1 * row - 20
AFFINE = np.float32([[-0.5, 0, 0, 4], [0, -0.5, 0, 4], [0.2, -0.1, 5, -20], [0, 0, 0, 1]])


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(*positive):
    positive = np.float32(positive)
    return np.stack([1 - positive, positive], axis=1)


@pytest.fixture
def tables(make_bag, tmp_path):
    bags = [
        make_bag("a", 3, 8, label=1, source_index=[7, 2, 4], affine=AFFINE, instance_label=[[1], [0], [-1]]),
        make_bag("b", 2, 8, label=0, source_index=[1, 0]),
    ]
    given = [scores(0.25, 0.1, 1 / 3), scores(0.5, 0.5)]
    write_tables(tmp_path, "some", MemorySource(bags), lambda source, positions: [given[p] for p in positions])
    return tmp_path


def test_a_bag_is_its_top_slice_under_its_original_index(tables):
    assert rows(tables / "predictions-some.csv") == [
        {"id": "a", "patient": "patient-a", "y_true": "1", "y_prob": "0.333333343", "top_instance": "4"},
        {"id": "b", "patient": "patient-b", "y_true": "0", "y_prob": "0.5", "top_instance": "0"},
    ]


def test_slices_come_in_the_order_of_the_scan_with_their_place_and_truth(tables):
    found = rows(tables / "instances-some.csv")
    assert list(found[0]) == ["id", "patient", "source_index", "position_mm", "y_true", "y_prob"]
    # The centre of 8 x 8 pixels is (3.5, 3.5): 0.35 mm above the corner's height.
    assert [(row["source_index"], row["position_mm"], row["y_true"], row["y_prob"]) for row in found[:3]] == [
        ("2", "-9.650", "0", "0.100000001"), ("4", "0.350", "", "0.333333343"), ("7", "15.350", "1", "0.25"),
    ]
    assert [(row["source_index"], row["y_true"]) for row in found[3:]] == [("0", ""), ("1", "")]


def test_every_float32_survives_the_text(make_bag, tmp_path):
    values = np.random.default_rng(0).uniform(size=50).astype(np.float32)
    bag = make_bag("a", 50, 4)
    write_tables(tmp_path, "x", MemorySource([bag]), lambda *_: [scores(*values)])
    told = np.float32([row["y_prob"] for row in rows(tmp_path / "instances-x.csv")])
    np.testing.assert_array_equal(told, values[np.argsort(bag.source_index)])


def test_the_place_of_a_slice_is_the_height_of_its_centre(make_bag):
    bag = make_bag("a", 4, 8, affine=AFFINE)
    for shape, centre in (((8, 8, 1), (3.5, 3.5)), ((4, 10, 1), (4.5, 1.5))):
        expected = [(AFFINE @ [*centre, index, 1])[2] for index in bag.source_index]
        np.testing.assert_allclose(slice_positions(bag, shape), expected, rtol=1e-6)
    np.testing.assert_array_equal(slice_positions(make_bag("a", 4), (8, 8, 1)), make_bag("a", 4).source_index)


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


def test_a_run_answers_on_another_cohort(run, write_tiny, tmp_path):
    data = write_tiny(tmp_path / "other", shift=40)
    predict_dataset(run, data, "other")
    dataset = Dataset(data)
    assert [row["id"] for row in rows(run / "predictions-other.csv")] == [row.id for row in dataset.rows]
    assert len(rows(run / "instances-other.csv")) == sum(row.n for row in dataset.rows)


def test_a_cohort_is_answered_as_the_runs_own_tables_were(run, tiny_data, tmp_path):
    predict_dataset(run, only_test(tiny_data, run, tmp_path / "held-out"), "again")
    again = {row["id"]: row for row in rows(run / "predictions-again.csv")}
    for row in rows(run / "predictions-test.csv"):
        assert float(again[row["id"]]["y_prob"]) == pytest.approx(float(row["y_prob"]), rel=1e-5)
        assert again[row["id"]]["top_instance"] == row["top_instance"]


def test_a_cohort_of_other_preprocessing_is_refused(run, write_tiny, tmp_path):
    data = write_tiny(tmp_path / "other", shift=40)
    info = json.loads((data / "dataset.json").read_text())
    for preprocessing in ({**info["preprocessing"], "settings": {"size": 32}}, None):
        if preprocessing is None:
            del info["preprocessing"]
        else:
            info["preprocessing"] = preprocessing
        (data / "dataset.json").write_text(json.dumps(info))
        with pytest.raises(DatasetError, match="preprocessed as the training data, .*'size': 16.*Received: "):
            predict_dataset(run, data, "other")
    assert not (run / "predictions-other.csv").exists()


def test_how_slices_were_shuffled_and_odd_files_read_is_no_other_preprocessing(run, write_tiny, tmp_path):
    data = write_tiny(tmp_path / "other", shift=40)
    info = json.loads((data / "dataset.json").read_text())
    info["preprocessing"] = {"kind": "ct", "settings": {"size": 16, "seed": 5, "orientation": "RAS", "mpp": 0.5},
                             "hash": "feed"}
    (data / "dataset.json").write_text(json.dumps(info))
    predict_dataset(run, data, "other")
    assert rows(run / "predictions-other.csv")


def test_patients_that_the_run_has_learned_from_or_was_chosen_on_are_refused(run, tiny_data):
    with pytest.raises(DatasetError, match="neither trained nor been chosen on. Received: 18 that it has, such as"):
        predict_dataset(run, tiny_data, "again")
    assert not (run / "predictions-again.csv").exists()


def only_test(data, run, out):
    """A copy of a data set that lists the test bags of a run alone."""
    shutil.copytree(data, out)
    wanted = {row["id"] for row in rows(run / "predictions-test.csv")}
    lines = (out / "bags.csv").read_text().splitlines(keepends=True)
    (out / "bags.csv").write_text("".join([lines[0], *(x for x in lines[1:] if x.split(",")[0] in wanted)]))
    return out


def test_what_is_no_finished_run_is_refused(run, tiny_data, tmp_path):
    (run / "export" / "mil_tf.json").unlink()
    with pytest.raises(DatasetError, match="its training has not finished; go on with train.py and --resume"):
        predict_dataset(run, tiny_data, "other")
    with pytest.raises(DatasetError, match="Expected a run folder with a config.json"):
        predict_dataset(tmp_path, tiny_data, "other")
