import json

import pytest

from tfrecords import Dataset, DatasetError
from tfrecords.writer import DatasetWriter

SHARDS = [["a", "b"], ["c"]]
INFO = {"classes": ["hemorrhage"], "preprocessing": {"size": 8}}


def write(writer, bags, only=None):
    for index in writer.pending if only is None else only:
        with writer.shard(index) as shard:
            for id in writer.shards[index]:
                shard.write(bags[id])


@pytest.fixture
def bags(make_bag):
    return {id: make_bag(id, 3, label=id != "b") for id in "abc"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_says_what_it_holds(tmp_path, bags):
    writer = DatasetWriter(tmp_path / "d", SHARDS, INFO)
    write(writer, bags)
    writer.finish([("x", "x.nii", "4-D")])
    info = Dataset(tmp_path / "d").info
    assert info["schema"] == 1 and info["classes"] == ["hemorrhage"] and info["preprocessing"] == {"size": 8}
    assert info["counts"] == {"bags": 3, "instances": 9, "patients": 3, "positive": [2], "rejected": 1}
    assert info["instances"] == {"dtype": "float16", "shape": [8, 8, 1]}
    assert [shard["records"] for shard in info["shards"]] == [2, 1]
    assert (tmp_path / "d/rejected.csv").read_text() == "id,path,reason\nx,x.nii,4-D\n"
    assert sorted(contents(tmp_path / "d")) == sorted(
        [
            "bags-00000-of-00002.tfrecord",
            "bags-00001-of-00002.tfrecord",
            "bags.csv",
            "rejected.csv",
            "dataset.json",
        ]
    )


def test_an_interrupted_job_resumes_to_the_same_bytes(tmp_path, bags):
    whole = DatasetWriter(tmp_path / "whole", SHARDS, INFO)
    write(whole, bags)
    whole.finish()
    write(DatasetWriter(tmp_path / "cut", SHARDS, INFO), bags, only=[0])
    resumed = DatasetWriter(tmp_path / "cut", SHARDS, INFO)
    assert resumed.pending == [1]
    with pytest.raises(RuntimeError, match="stop"), resumed.shard(1) as shard:
        shard.write(bags["c"])
        raise RuntimeError("stop")
    again = DatasetWriter(tmp_path / "cut", SHARDS, INFO)
    assert again.pending == [1]
    write(again, bags)
    again.finish()
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_shard_that_vanished_is_written_again(tmp_path, bags):
    writer = DatasetWriter(tmp_path / "d", SHARDS, INFO)
    write(writer, bags, only=[0])
    (tmp_path / "d" / writer.names[0]).unlink()
    assert DatasetWriter(tmp_path / "d", SHARDS, INFO).pending == [0, 1]


def test_rejected_bags_are_kept_over_a_resume(tmp_path, bags):
    with DatasetWriter(tmp_path / "d", SHARDS, INFO).shard(0) as shard:
        shard.reject("a", "a.nii", "all NaN")
        shard.write(bags["b"])
    writer = DatasetWriter(tmp_path / "d", SHARDS, INFO)
    write(writer, bags)
    writer.finish()
    assert "a,a.nii,all NaN" in (tmp_path / "d/rejected.csv").read_text()
    assert [row.id for row in Dataset(tmp_path / "d").rows] == ["b", "c"]


def test_other_settings_never_mix(tmp_path, bags):
    write(DatasetWriter(tmp_path / "d", SHARDS, INFO), bags, only=[0])
    before = contents(tmp_path / "d")
    with pytest.raises(DatasetError, match="unfinished job with other settings or inputs"):
        DatasetWriter(tmp_path / "d", SHARDS, {**INFO, "preprocessing": {"size": 9}})
    assert contents(tmp_path / "d") == before


def test_a_finished_or_foreign_folder_is_refused_without_force(tmp_path, bags):
    writer = DatasetWriter(tmp_path / "d", SHARDS, INFO)
    write(writer, bags)
    writer.finish()
    (tmp_path / "d/splits.csv").write_text("frozen")
    with pytest.raises(DatasetError, match="is a finished data set; give another folder, or --force"):
        DatasetWriter(tmp_path / "d", SHARDS, INFO)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match="is not empty"):
        DatasetWriter(tmp_path / "e", SHARDS, INFO)
    for name in ("d", "e"):
        assert DatasetWriter(tmp_path / name, SHARDS, INFO, force=True).pending == [0, 1]
    assert (tmp_path / "d/splits.csv").exists() and (tmp_path / "e/thesis.txt").exists()


def test_an_unfinished_folder_cannot_be_read(tmp_path, bags):
    write(DatasetWriter(tmp_path / "d", SHARDS, INFO), bags, only=[0])
    with pytest.raises(DatasetError, match="is unfinished; run the command that was writing it again"):
        Dataset(tmp_path / "d")
    with pytest.raises(DatasetError, match="Expected all 2 shards. Received: 1 pending"):
        DatasetWriter(tmp_path / "d", SHARDS, INFO).finish()


def test_bags_come_as_planned(tmp_path, bags):
    with pytest.raises(DatasetError, match="Expected every id once in the plan. Received: 'a' twice"):
        DatasetWriter(tmp_path / "d", [["a"], ["a"]], INFO)
    writer = DatasetWriter(tmp_path / "e", SHARDS, INFO)
    with pytest.raises(DatasetError, match="Expected one of the bags"), writer.shard(0) as shard:
        shard.write(bags["b"])
        shard.write(bags["a"])


def test_several_bags_may_stand_under_one_planned_id(tmp_path, make_bag):
    writer = DatasetWriter(tmp_path / "d", [["a", "b", "c"]], INFO)
    with writer.shard(0) as shard:
        for id in ("a/0", "a/1"):
            shard.write(make_bag(id), planned="a")
        shard.write(make_bag("c/0"), planned="c")
    writer.finish()
    assert [row.id for row in Dataset(tmp_path / "d").rows] == ["a/0", "a/1", "c/0"]


@pytest.mark.parametrize("id, planned", [("a/0", "a"), ("a/1", "b"), ("c/0", "c"), ("a", None)])
def test_a_bag_under_a_planned_id_is_written_once_and_in_order(tmp_path, make_bag, id, planned):
    writer = DatasetWriter(tmp_path / "d", [["b", "a"]], INFO)
    with pytest.raises(DatasetError, match="Expected one of the bags"), writer.shard(0) as shard:
        shard.write(make_bag("a/0"), planned="a")
        shard.write(make_bag(id), planned=planned)


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DatasetError, match="Expected a folder to write into. Received: .*file, which is a file"
    ):
        DatasetWriter(tmp_path / "file", SHARDS, INFO)
    writer = DatasetWriter(tmp_path / "d", SHARDS, INFO)
    (tmp_path / "d" / (writer.names[0] + ".tmp")).mkdir()
    with pytest.raises(
        DatasetError, match=r"00000-of-00002\.tfrecord cannot be written: .*run the command again"
    ):
        with writer.shard(0):
            pass


def test_an_unreadable_plan_is_another_job(tmp_path):
    DatasetWriter(tmp_path / "d", SHARDS, INFO)
    (tmp_path / "d/plan.json").write_text("{")
    with pytest.raises(DatasetError, match="other settings"):
        DatasetWriter(tmp_path / "d", SHARDS, INFO)
    DatasetWriter(tmp_path / "d", SHARDS, INFO, force=True)
    assert json.loads((tmp_path / "d/plan.json").read_text())["shards"] == SHARDS


def test_a_label_of_another_width_is_refused(tmp_path, make_bag):
    writer = DatasetWriter(tmp_path / "d", [["a"]], INFO)
    message = r"bag a: Expected a label for each of \['hemorrhage'\]\. Received: \[1, 0\]"
    with pytest.raises(DatasetError, match=message), writer.shard(0) as shard:
        shard.write(make_bag("a", label=[1, 0]))
