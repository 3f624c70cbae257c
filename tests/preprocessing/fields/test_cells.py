import pytest

from preprocessing.errors import UsageError
from preprocessing.fields import cells


@pytest.fixture
def read(tmp_path):
    def of(text):
        (tmp_path / "cells.csv").write_bytes(text.encode())
        return cells.read(tmp_path / "cells.csv", {"a", "b"}, ["x", "y"])

    return of


def test_cells_have_a_place_and_perhaps_a_class(read):
    found, bad, told = read("id,y,x,label\ra,1,2.5,y\ra,3,4,\rb,5,6,x\r")
    assert found == {"a": [(1.0, 2.5, 1), (3.0, 4.0, -1)], "b": [(5.0, 6.0, 0)]} and not bad and not told
    assert read("id,y,x\na,1,2\n")[0] == {"a": [(1.0, 2.0, -1)]}


def test_what_is_odd_is_told_once(read, tmp_path):
    found, bad, told = read("id,y,x,label\na,1,2,debris\na,1,2,debris\nc,1,2,x\nd,1,2,x\na,here,2,x\nb,nan,2,x\n")
    assert found == {"a": [(1.0, 2.0, -1)] * 2}
    assert [(id, reason) for id, _, reason in bad] == [
        ("a", "cells: y and x must be numbers, are 'here', '2' (line 6)"), ("b", "cells: y and x must be numbers, are 'nan', '2' (line 7)"),
    ]
    path = tmp_path / "cells.csv"
    assert told == [f"2 ids in {path} are of no field here, such as 'c'", "2 cells have a label that is no class, such as 'debris': unknown"]


@pytest.mark.parametrize("text, message", [("id,row,column\na,1,2\n", "--cells: Expected columns id,y,x"), ("id,y,x\nz,1,2\n", "Expected ids of the fields, such as 'a'")])
def test_a_table_of_no_cells_is_refused(read, text, message):
    with pytest.raises(UsageError, match=message):
        read(text)
