"""Tables of other models are read with as few columns as there are, and must be of the same bags."""

import pytest

from mil_tf.evaluation.foreign import read_foreign, same_bags
from mil_tf.evaluation.tables import TableError


@pytest.fixture
def write(tmp_path):
    def write(name, text, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path
    return write


def test_two_columns_are_enough(write):
    table, has_id, has_patient = read_foreign(write("t.csv", "y_true,y_prob\n0,0.25\n1,1e-3\n"))
    assert (has_id, has_patient) == (False, False)
    assert list(table.id) == list(table.patient) == ["row 1", "row 2"]
    assert list(table.y_prob) == [0.25, 0.001]
    assert table.y_pred is None


def test_all_columns_in_any_order_with_others(write):
    text = "\ufeffextra,y_pred,y_prob,patient, id ,y_true\r\nx,1,0.5,p,b,0\r\ny,0,1,p,a,1.0\r\n\r\n"
    table, has_id, has_patient = read_foreign(write("t.csv", text))
    assert (has_id, has_patient) == (True, True)
    assert list(table.id) == ["b", "a"]
    assert list(table.patient) == ["p", "p"]
    assert list(table.y_pred) == [1, 0]
    assert list(table.y_true) == [0, 1]


@pytest.mark.parametrize(("text", "message"), [
    ("0,0.25\n1,0.5\n", "expected columns y_true,y_prob; missing y_true,y_prob, received 0,0.25"),
    ("y_true;y_prob\n0;0.25\n", "received y_true;y_prob"),
    ("y_true,y_prob\n0,-2.5\n", r"line 2: expected a probability in \[0, 1\] as y_prob, received '-2.5'"),
    ("y_true,y_prob,y_pred\n0,0.5,0.5\n", "line 2: expected 0 or 1 as y_pred, received '0.5'"),
    ("y_true,y_prob,patient\n0,0.5,p\n0,0.5, \n", "line 3: expected a name as patient, received ' '"),
    ("y_true,y_prob,id\n0,0.5,a\n1,0.5,a\n", "line 3: id a appears twice"),
    ("y_true,y_prob,y_prob\n0,0.5,0.5\n", "expected one column y_prob, received 2"),
    ("y_true,y_prob\n0,0.5\n\n1,0.5\n", "line 3: expected 2 fields, received 0"),
])
def test_broken_tables_are_named(write, text, message):
    path = write("t.csv", text)
    with pytest.raises(TableError, match=message) as caught:
        read_foreign(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_with_ids_the_order_is_free(write):
    first = read_foreign(write("a.csv", "id,y_true,y_prob,y_pred\na,0,0.1,0\nb,1,0.2,1\n"))
    second = read_foreign(write("b.csv", "id,y_true,y_prob\nb,1,0.4\na,0,0.3\n"))
    tables = same_bags([first, second])
    assert list(tables[1].id) == ["a", "b"]
    assert list(tables[1].y_prob) == [0.3, 0.4]


@pytest.mark.parametrize(("second", "message"), [
    ("y_true,y_prob\n0,0.5\n", "b.csv: expected 2 rows as in .*a.csv, received 1"),
    ("y_true,y_prob\n0,0.5\n0,0.5\n", "b.csv, line 3: expected y_true 1 as in .*a.csv, received 0"),
    ("y_true,y_prob,id\n0,0.5,a\n1,0.5,b\n", "a.csv: expected a column id, as .*b.csv has one"),
    ("y_true,y_prob,patient\n0,0.5,a\n1,0.5,b\n", "a.csv: expected a column patient, as .*b.csv has one"),
])
def test_without_ids_rows_must_agree(write, second, message):
    first = read_foreign(write("a.csv", "y_true,y_prob\n0,0.1\n1,0.2\n"))
    with pytest.raises(TableError, match=message) as caught:
        same_bags([first, read_foreign(write("b.csv", second))])
    assert "\n" not in str(caught.value)
