"""Tables of images and cells are read as they are written; a broken one is refused in one line."""

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.fields.tables import read_cells, read_fields, sums_told

HEAD = "id,patient,replicate,treatment,y_true_b,y_true_a,y_prob_a,y_prob_b,y_pool_a,y_pool_b\n"
CELLS = "id,patient,y,x,y_cell,y_true_a,y_true_b,y_pool_a,y_pool_b\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="predictions-test.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


def test_columns_are_read_in_the_order_of_the_classes(write):
    table = read_fields(write(HEAD + "i,w,3,drug 0.1,0,1,0.9,0.1,0.7,0.2\n"), ("a", "b"), single_label=True)
    assert (table.y_true.tolist(), table.y_prob.tolist(), table.y_pool.tolist()) == ([[1, 0]], [[0.9, 0.1]], [[0.7, 0.2]])
    assert (table.replicate[0], table.treatment[0], table.patient[0]) == ("3", "drug 0.1", "w")
    assert read_fields(write(HEAD + "i,w,3,d,0,1,0.9,0.1,0.7,0.2\n")).classes == ("b", "a")


def test_what_is_not_needed_may_be_missing(write):
    table = read_fields(write("id,y_true_a,y_true_b,y_prob_a,y_prob_b\ni,0,0,0.5,0.5\n"), need_patient=False)
    assert table.y_pool is None and table.patient.tolist() == ["i"] and table.treatment.tolist() == [""]


@pytest.mark.parametrize(("text", "message"), [
    ("id,patient,y_true_a,y_prob_a\ni,w,1,0.5\n", r"expected .* for the classes a, b; column y_true_b is missing"),
    (HEAD.replace("y_prob_b", "y_prob_c") + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\n", "column y_prob_b is missing"),
    (HEAD.replace("\n", ",y_true_c\n") + "i,w,1,d,0,1,0.9,0.1,0.7,0.2,0\n", "received y_true_c"),
    (HEAD.replace("y_pool_b", "pool") + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\n", "column y_pool_b is missing"),
    (HEAD + "i,w,1,d,0,1,1.5,0.1,0.7,0.2\n", r"line 2: expected a probability in \[0, 1\] as y_prob_a, received '1.5'"),
    (HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,nan\n", "line 2: expected a finite number as y_pool_b, received 'nan'"),
    (HEAD + "i,w,1,d,0,2,0.9,0.1,0.7,0.2\n", "line 2: expected 0 or 1 as y_true_a, received '2'"),
    (HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\nj,w,1,d,0,0,0.9,0.1,0.7,0.2\n",
     "line 3: expected exactly one class of image j, as the run's config.json says single_label, received none"),
    (HEAD + "i,w,1,d,1,1,0.9,0.1,0.7,0.2\n", "line 2: expected exactly one class of image i, .* received 2"),
    (HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\n" * 2, "line 3: id i appears twice"),
    (HEAD + "i,,1,d,0,1,0.9,0.1,0.7,0.2\n", "line 2: expected a name as patient"),
])
def test_broken_tables_are_named(write, text, message):
    with pytest.raises(TableError, match=message) as caught:
        read_fields(write(text), ("a", "b"), single_label=True)
    assert "predictions-test.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_one_class_is_no_table_of_several(write):
    with pytest.raises(TableError, match="of at least 2 classes, received id,patient,y_true,y_prob"):
        read_fields(write("id,patient,y_true,y_prob\ni,w,1,0.5\n"))


def test_probabilities_that_do_not_sum_to_one_are_told_not_refused(write):
    table = read_fields(write(HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\nj,w,1,d,0,1,0.9,0.3,0.7,0.2\n"))
    assert sums_told(table) == ("predictions-test.csv: the probabilities of 1 of 2 images do not sum to 1, as a "
                                "softmax's would (the first in line 3: 1.200).")
    assert sums_told(read_fields(write(HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\n"))) == ""


@pytest.fixture
def images(write):
    return read_fields(write(HEAD + "i,w,1,d,0,1,0.9,0.1,0.7,0.2\nj,v,1,d,1,0,0.9,0.1,0.7,0.2\n"), ("a", "b"))


def test_cells_know_their_own_class_or_not(write, images):
    cells = read_cells(write(CELLS + "j,v,1,2,,0,1,0.5,0.4\ni,w,1,2,b,1,0,0.5,0.4\n", "cells-test.csv"), images)
    assert cells.y_cell.tolist() == [-1, 1]
    assert np.array_equal(cells.y_true, [[0, 1], [1, 0]]) and cells.y_pool.shape == (2, 2)
    assert read_cells(write(CELLS, "cells-none.csv"), images) is None


@pytest.mark.parametrize(("row", "message"), [
    ("i,w,1,2,c,1,0,0.5,0.4", "line 2: expected one of a, b or nothing as y_cell, received 'c'"),
    ("k,w,1,2,a,1,0,0.5,0.4", "line 2: image k is not in predictions-test.csv"),
    ("i,w,1,2,a,0,1,0.5,0.4", "line 2: expected the classes that image i has in predictions-test.csv"),
    ("i,w,1,2,a,1,0,0.5,4", "line 2: expected a probability .* as y_pool_b"),
])
def test_broken_cells_are_named(write, images, row, message):
    with pytest.raises(TableError, match=message):
        read_cells(write(CELLS + row + "\n", "cells-test.csv"), images)
