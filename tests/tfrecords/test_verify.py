import hashlib
import json

import numpy as np
import pytest

from tfrecords.__main__ import main
from tfrecords.verify import findings


@pytest.fixture
def folder(make_bag, write_dataset):
    return write_dataset([make_bag(id, 3, label=id in "ab") for id in "abcd"], [["a", "b"], ["c", "d"]])


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 2
    path.write_bytes(bytes(data))


def edit(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_a_whole_folder_has_none(folder, capsys):
    assert main(["verify", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: 4 bags in 2 shards, nothing wrong\n"


def test_a_flipped_bit_is_named_with_file_record_and_bag(folder, capsys):
    flip(folder / "bags-00001-of-00002.tfrecord", -200)
    assert main(["verify", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bags-00001-of-00002.tfrecord: its sha256 differs from dataset.json"
    assert lines[1].startswith("bags-00001-of-00002.tfrecord, record 1 (bag d): checksum does not match")
    assert len(lines) == 2


def test_a_truncated_shard_is_named(folder):
    path = folder / "bags-00000-of-00002.tfrecord"
    path.write_bytes(path.read_bytes()[:-50])
    lines = list(findings(folder))
    assert "bytes, dataset.json says" in lines[0]
    assert lines[1].startswith(
        "bags-00000-of-00002.tfrecord, record 1 (bag b): the file ends inside the record"
    )


def test_a_missing_and_an_extra_shard_are_named(folder):
    (folder / "bags-00000-of-00002.tfrecord").rename(folder / "extra.tfrecord")
    assert list(findings(folder)) == [
        "extra.tfrecord: is not in dataset.json",
        "bags-00000-of-00002.tfrecord: is missing",
    ]


def test_non_finite_values_are_named(make_bag, write_dataset):
    pixels = np.zeros((3, 8, 8, 1), np.float16)
    pixels[1, 2, 3] = np.nan
    pixels[2, 0, 0] = np.inf
    folder = write_dataset([make_bag("a", 3, instances=pixels, spacing=[np.inf, 1, 1])])
    assert list(findings(folder)) == [
        "bags-00000-of-00001.tfrecord (bag a): 2 instances have non-finite values, the first is 1",
        "bags-00000-of-00001.tfrecord (bag a): spacing has non-finite values",
    ]


def test_tables_that_disagree_are_named(folder):
    edit(folder / "bags.csv", "a,patient-a,1,3", "a,patient-z,0,4")
    lines = list(findings(folder))
    assert lines == [
        "dataset.json: counts 12 instances, bags.csv has 13",
        "bags-00000-of-00002.tfrecord (bag a): its patient is patient-a, bags.csv says patient-z",
        "bags-00000-of-00002.tfrecord (bag a): its label is (1,), bags.csv says (0,)",
        "bags-00000-of-00002.tfrecord (bag a): its n is 3, bags.csv says 4",
    ]


def test_duplicate_ids_are_named(folder):
    table = folder / "bags.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[-1]]) + "\n")
    found = list(findings(folder))
    assert "bags.csv: id d is there 2 times" in found
    assert "bags-00001-of-00002.tfrecord: has 2 records in dataset.json, 3 in bags.csv" in found
    assert any("has 2 records, not where bags.csv says its 3 are" in line for line in found)


def test_counts_that_disagree_are_named(folder):
    info = json.loads((folder / "dataset.json").read_text())
    info["counts"]["bags"] = 5
    info["shards"][0]["records"] = 9
    (folder / "dataset.json").write_text(json.dumps(info))
    assert list(findings(folder)) == [
        "dataset.json: counts 5 bags, bags.csv has 4",
        "bags-00000-of-00002.tfrecord: has 9 records in dataset.json, 2 in bags.csv",
    ]


def splits(folder, rows):
    lines = ["id,patient,split,fold"] + [
        f"{id},{patient},{split},{fold}" for id, patient, split, fold in rows
    ]
    (folder / "splits.csv").write_text("\n".join(lines) + "\n")


def test_patients_across_splits_are_named(make_bag, write_dataset):
    folder = write_dataset([make_bag(id, 2, patient="p" if id in "ab" else id) for id in "abc"])
    splits(folder, [("a", "p", "train", 0), ("b", "p", "test", 0), ("c", "c", "test", 0)])
    assert list(findings(folder)) == ["splits.csv, fold 0: patient p is in test and train"]


def test_other_faults_of_splits_are_named(folder):
    rows = [("a", "patient-a", "train", 0), ("b", "patient-b", "test", 0), ("z", "z", "train", 0)]
    splits(folder, rows + [("a", "patient-a", "train", 1), ("c", "patient-c", "test", 1)])
    assert list(findings(folder)) == [
        "splits.csv: bag z is not in bags.csv",
        "splits.csv, fold 1: its test set differs from that of fold 0",
    ]
    splits(folder, [("a", "patient-a", "train", 0)])
    assert list(findings(folder)) == ["splits.csv, fold 0: has no test bags"]


def test_shapes_inside_a_record_are_checked(folder, make_bag, monkeypatch):
    """A writer with a fault, as another program may have: right checksums, wrong shapes."""
    import tensorflow as tf

    from tfrecords import example

    message = tf.train.Example.FromString(example.encode(make_bag("a", 3, instance_label=[[0], [1], [0]])))
    message.features.feature["instance_label"].int64_list.value.append(1)
    path = folder / "bags-00000-of-00002.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(message.SerializeToString(deterministic=True))
    length = path.stat().st_size
    table = (folder / "bags.csv").read_text().splitlines()
    table[1] = f"a,patient-a,1,3,{path.name},0,{length}"
    (folder / "bags.csv").write_text("\n".join(table) + "\n")
    assert any(
        "record 0 (bag a): bag a, instance_label: Expected (3, 1). Received: (4, 1)" in line
        for line in findings(folder)
    )


def test_a_slide_is_verified_without_its_file(make_bag, write_dataset):
    folder = write_dataset(
        [make_bag("a", 2, instances=None, source_path="gone.svs", coords=[[0, 0], [1, 1]])]
    )
    assert list(findings(folder)) == []
    flip(folder / "bags-00000-of-00001.tfrecord", -30)
    assert any("record 0 (bag a)" in line for line in findings(folder))


def test_no_data_set_is_one_finding(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"Expected a folder with a dataset.json. Received: {tmp_path}.\n"


def test_a_file_that_predictions_need_is_checked(make_bag, write_dataset):
    content = b"a template"
    beside = {"files": {"template.nii.gz": hashlib.sha256(content).hexdigest()}}
    folder = write_dataset([make_bag("a")], info={"classes": ["hemorrhage"], "beside": beside})
    assert list(findings(folder)) == ["template.nii.gz: is missing"]
    (folder / "template.nii.gz").write_bytes(content + b".")
    assert list(findings(folder)) == ["template.nii.gz: its sha256 differs from dataset.json"]
    (folder / "template.nii.gz").write_bytes(content)
    assert list(findings(folder)) == []
