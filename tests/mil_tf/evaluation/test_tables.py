"""Tables are read as they are written; a broken one is refused in one line that names file and line."""

import numpy as np
import pytest

from mil_tf.evaluation.tables import TableError, read_instances, read_predictions

BAGS = "id,patient,y_true,y_prob,top_instance\n"
SLICES = "id,patient,source_index,position_mm,y_true,y_prob\n"


@pytest.fixture
def bags(tmp_path):
    path = tmp_path / "predictions-test.csv"
    path.write_text(BAGS + "b,q,0,0.25,7\na,p,1,1e-3,3\n")
    return path


def test_reads_predictions(bags):
    table = read_predictions(bags)
    assert list(table.id) == ["b", "a"]
    assert list(table.patient) == ["q", "p"]
    assert list(table.y_true) == [0, 1]
    assert list(table.y_prob) == [0.25, 0.001]
    assert list(table.top_instance) == [7, 3]


def test_columns_in_any_order_with_others_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffy_prob,extra,id,y_true,patient\n0.5,x,a,1,p\n", encoding="utf-8")
    table = read_predictions(path)
    assert table.y_prob[0] == 0.5
    assert table.top_instance is None


@pytest.mark.parametrize(("text", "message"), [
    ("", "received an empty file"),
    (BAGS, "expected at least one row under the header, received none"),
    ("id,patient,y_true\na,p,1\n", "missing y_prob, received id,patient,y_true"),
    ("id;patient;y_true;y_prob\na;p;1;0.5\n", "received id;patient;y_true;y_prob separated by ';'; separate them by commas"),
    (BAGS + "a,p,1,0.5,1\nb,p,1,high,1\n", "line 3: expected a finite number as y_prob, received 'high'"),
    (BAGS + "a,p,1,nan,1\n", "line 2: expected a finite number as y_prob, received 'nan'"),
    (BAGS + "a,p,1,,1\n", "line 2: expected a finite number as y_prob, received ''"),
    (BAGS + "a,p,1,1.2,1\n", r"line 2: expected a probability in \[0, 1\] as y_prob, received '1.2'"),
    (BAGS + "a,p,1,-0.1,1\n", r"line 2: expected a probability in \[0, 1\] as y_prob, received '-0.1'"),
    (BAGS + "a,p,2,0.5,1\n", "line 2: expected 0 or 1 as y_true, received '2'"),
    (BAGS + "a,p,-1,0.5,1\n", "line 2: expected 0 or 1 as y_true, received '-1'"),
    (BAGS + "a,p,1,0.5,1.5\n", "line 2: expected a whole number as top_instance, received '1.5'"),
    (BAGS + "a,p,1,0.5,1\nb,p,1,0.5,1\na,p,1,0.5,1\n", "line 4: id a appears twice"),
    (BAGS + "a,p,1,0.5\n", "line 2: expected 5 fields, received 4"),
])
def test_broken_predictions_are_named(tmp_path, text, message):
    path = tmp_path / "predictions-test.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(TableError, match="does not exist"):
        read_predictions(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00id")
    with pytest.raises(TableError, match="cannot be read as a CSV table"):
        read_predictions(tmp_path / "binary.csv")


def test_reads_instances_with_unknown_truth(bags):
    path = bags.with_name("instances-test.csv")
    path.write_text(SLICES + "a,p,0,-2.5,,0.1\na,p,1,0.0,1,0.9\nb,q,0,5,0,0.2\n")
    table = read_instances(path, read_predictions(bags))
    assert list(table.y_true) == [-1, 1, 0]
    assert np.array_equal(table.position, [-2.5, 0, 5])


@pytest.mark.parametrize(("rows", "message"), [
    ("c,p,0,0,1,0.5\n", "line 2: bag c is not in predictions-test.csv"),
    ("a,p,0,0,1,0.5\na,p,0,5,1,0.5\n", "line 3: slice a, slice 0 appears twice"),
    ("a,p,0,,1,0.5\n", "line 2: expected a finite number as position_mm, received ''"),
    ("a,p,0,0,maybe,0.5\n", "line 2: expected a finite number as y_true, received 'maybe'"),
    ("a,p,0,0,3,0.5\n", "line 2: expected 0, 1 or empty as y_true, received '3'"),
])
def test_broken_instances_are_named(bags, rows, message):
    path = bags.with_name("instances-test.csv")
    path.write_text(SLICES + rows)
    with pytest.raises(TableError, match=message):
        read_instances(path, read_predictions(bags))
