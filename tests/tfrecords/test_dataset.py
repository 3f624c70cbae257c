import json

import pytest

from tfrecords import BagRow, Dataset, DatasetError


@pytest.fixture
def folder(make_bag, write_dataset):
    return write_dataset([make_bag(id, 2, label=id in "ab") for id in "abcd"])


def freeze(folder, rows):
    lines = [",".join(map(str, row)) for row in [("id", "patient", "split", "fold"), *rows]]
    (folder / "splits.csv").write_text("\n".join(lines) + "\n")


def test_rows_tell_where_bags_lie(folder):
    dataset = Dataset(folder)
    assert [row.id for row in dataset.rows] == list("abcd")
    row = dataset.by_id["b"]
    assert isinstance(row, BagRow) and row.label == (1,) and row.n == 2 and row.patient == "patient-b"
    assert row.offset == dataset.by_id["a"].length


def test_several_labels_are_separated_by_spaces(make_bag, write_dataset):
    folder = write_dataset([make_bag("a", 2, label=[0, 1, -1])], info={"classes": ["x", "y", "z"]})
    assert ",0 1 -1," in (folder / "bags.csv").read_text()
    assert Dataset(folder).rows[0].label == (0, 1, -1)


def test_splits_come_in_the_order_of_the_bags(folder):
    rows = [
        ("d", "patient-d", "train", 0),
        ("a", "patient-a", "train", 0),
        ("b", "patient-b", "validation", 0),
    ]
    freeze(folder, rows + [("c", "patient-c", "test", 0), ("c", "patient-c", "test", 1)])
    dataset = Dataset(folder)
    assert dataset.folds == [0, 1]
    names = {name: [row.id for row in part] for name, part in dataset.splits(0).items()}
    assert names == {"train": ["a", "d"], "validation": ["b"], "test": ["c"], "tune": []}
    with pytest.raises(DatasetError, match=r"Expected a fold of \[0, 1\]\. Received: 2"):
        dataset.splits(2)


def test_a_patient_in_two_splits_is_refused(make_bag, write_dataset):
    folder = write_dataset([make_bag(id, 2, patient="p") for id in "ab"])
    freeze(folder, [("a", "p", "train", 0), ("b", "p", "test", 0)])
    with pytest.raises(DatasetError, match="fold 0: patient p is in test and train"):
        Dataset(folder).splits(0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("z", "p", "train", 0)], "bag z is not in bags.csv"),
        ([("a", "other", "train", 0)], "bag a is of patient other here, of patient patient-a in bags.csv"),
        ([("a", "patient-a", "train", 0)] * 2, "bag a is twice in fold 0"),
        (
            [("a", "patient-a", "holdout", 0)],
            "line 2: Expected one of train, validation, test, tune and a fold",
        ),
        ([("a", "patient-a", "train", "x")], "Received: 'train', fold 'x'"),
    ],
)
def test_splits_of_other_bags_are_refused(folder, rows, message):
    freeze(folder, rows)
    with pytest.raises(DatasetError, match=message):
        Dataset(folder).splits(0)


def test_what_is_no_data_set_is_refused(folder, tmp_path):
    with pytest.raises(DatasetError, match=r"Expected a folder with a dataset\.json"):
        Dataset(tmp_path / "nothing")
    with pytest.raises(
        DatasetError, match=r"splits\.csv is missing; write it with `python -m preprocessing split"
    ):
        Dataset(folder).splits(0)
    info = json.loads((folder / "dataset.json").read_text())
    for text, message in (
        (json.dumps({**info, "schema": 2}), "Expected schema 1. Received: 2"),
        ("[]", "Expected schema 1"),
        ("{", "Expected JSON"),
    ):
        (folder / "dataset.json").write_text(text)
        with pytest.raises(DatasetError, match=message):
            Dataset(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,patient\na,b\n", "Expected columns id,patient,label,n,shard,offset,length"),
        ("id,patient,label,n,shard,offset,length\na,b,1,x,s,0,1\n", "line 2: Expected whole numbers"),
        ("id,patient,label,n,shard,offset,length\na,b\n", "line 2: Expected whole numbers"),
    ],
)
def test_a_broken_table_is_refused(folder, text, message):
    (folder / "bags.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        Dataset(folder)
