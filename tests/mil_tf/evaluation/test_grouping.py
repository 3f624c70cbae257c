"""Files become groups by the names a user gives, or by their paths."""

from pathlib import Path

import pytest

from mil_tf.evaluation.grouping import ALL, folds_of, group_files
from mil_tf.evaluation.tables import TableError


def shape(words):
    return {name: [path.as_posix() for path in paths] for name, paths in group_files(words).items()}


@pytest.mark.parametrize("pattern", [
    "predictions_{n}_fold{k}.csv", "{n}/fold{k}.csv", "n{n}_k{k}.csv", "runs/bags-{n}/fold-{k}/seed-0/predictions-test.csv",
    "fold{k}/n{n}.csv", "model_{n}_fold_{k}.csv", "{n}_{k}.csv", "{k}/{n}.csv", "/data/k5/size{n}-f{k}.csv",
    "split_{n}_fold{k}.csv", "{n}-cv{k}.csv", "set_{n}/test_{n}_fold_{k}", "v1.0_{n}_fold_{k}",
])
def test_sizes_by_folds_are_a_group_a_size(pattern):
    files = {n: [pattern.format(n=n, k=k) for k in range(5)] for n in (672, 100, 1000)}
    found = shape([file for group in files.values() for file in group])
    assert list(found) == ["100", "672", "1000"]
    assert found == {str(n): files[n] for n in files}


def test_folds_from_one_count_too():
    assert list(shape([f"{n}_{k}.csv" for n in (100, 200) for k in (1, 2, 3)])) == ["100", "200"]


@pytest.mark.parametrize("files", [
    ["fold0.csv", "fold1.csv"], ["a.csv", "b.csv"], ["0.csv", "1.csv", "2.csv"], ["resnet34.csv", "resnet50.csv"],
    ["one.csv"], ["x/fold0.csv", "x/fold1.csv"], ["site_a/1.csv", "other/b.csv"],
])
def test_what_cannot_be_told_apart_is_one_group(files):
    assert shape(files) == {ALL: files}


def test_groups_may_have_words_for_names():
    assert shape(["small/fold0.csv", "large/fold0.csv", "small/fold1.csv"]) == {
        "small": ["small/fold0.csv", "small/fold1.csv"], "large": ["large/fold0.csv"]}


def test_a_name_holds_for_the_files_after_it():
    expected = {"100": ["a.csv", "b.csv"], "200": ["c.csv"]}
    assert shape(["100=", "a.csv", "b.csv", "200=c.csv"]) == expected
    assert shape(["200=c.csv", "100=a.csv,b.csv"]) == expected
    assert shape(["100=a.csv", "b.csv", "200=", "c.csv"]) == expected


def test_a_file_with_an_equals_sign_is_a_file(tmp_path):
    path = tmp_path / "n=100.csv"
    path.write_text("")
    assert shape([str(path)]) == {ALL: [path.as_posix()]}


@pytest.mark.parametrize(("words", "message"), [
    (["a.csv", "100=b.csv"], "Expected NAME= before every file, as some have one. Received: a.csv"),
    (["100=", "200=a.csv"], "Expected files after 100="),
    (["a.csv", "b.csv", "a.csv"], "a.csv is given twice"),
    (["300/fold0.csv", "300/all.csv", "400/fold0.csv"], "Expected fold and its number .* Received: 300/all.csv"),
])
def test_words_that_make_no_groups_are_refused(words, message):
    with pytest.raises(TableError, match=message):
        group_files(words)


def test_a_folder_is_a_file_that_cannot_be_read():
    assert shape(["."]) == {ALL: ["."]}


def test_a_file_may_stand_in_two_groups():
    assert shape(["1=a.csv", "2=a.csv"]) == {"1": ["a.csv"], "2": ["a.csv"]}


def test_folds_are_read_off_the_paths():
    assert folds_of([Path("fold-1/seed-0/p.csv"), Path("fold-1/seed-1/p.csv"), Path("fold-2/seed-0/p.csv")]) == [1, 1, 2]
    assert folds_of([Path("n100_k3.csv"), Path("n100_k4.csv")]) == [3, 4]
    assert folds_of([Path("k5/a.csv"), Path("k5/b.csv")]) is None
    assert folds_of([Path("fold1.csv"), Path("other.csv")]) is None
