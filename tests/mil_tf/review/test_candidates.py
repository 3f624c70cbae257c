import re

import numpy as np
import pytest

from mil_tf.review.candidates import CandidateError, path_of, read_slice, read_table, write_candidate, write_table
from mil_tf.review.decisions import Ledger

HU = np.linspace(-1000, 3000, 12).reshape(3, 4)
MASK = np.array([[0, 1, 2, 0]] * 3)
CLASSES = ("epidural", "subdural")


def test_what_was_written_is_read(tmp_path):
    write_candidate(tmp_path, "a/b ü,\"1\"", HU, MASK, (0.4, 0.5))
    write_table(tmp_path, [("a/b ü,\"1\"", "p", "subdural;epidural")], CLASSES, "round 1", (1, 1))
    table = read_table(tmp_path)
    assert (table.classes, table.made_by, table.spacing) == (CLASSES, "round 1", (1.0, 1.0))
    (one,) = table.rows.values()
    assert one == ("a/b ü,\"1\"", "p", ("subdural", "epidural"))
    shown = read_slice(table, one.id)
    np.testing.assert_array_equal(shown.hu, HU.astype(np.float16))
    np.testing.assert_array_equal(shown.prediction, MASK)
    assert shown.spacing == pytest.approx((0.4, 0.5))
    assert [path.name for path in (tmp_path / "candidates").iterdir()] == ["a%2Fb%20%C3%BC%2C%221%22.npz"]


def test_the_tables_spacing_holds_where_a_slice_has_none(tmp_path):
    write_candidate(tmp_path, "a", HU, MASK)
    write_table(tmp_path, [("a", "p", [])], CLASSES, "", (0.4, 0.5))
    assert read_slice(read_table(tmp_path), "a").spacing == (0.4, 0.5)


@pytest.mark.parametrize(("id", "hu", "mask", "told"), [
    ("a", HU[0], MASK[0], "one shape (h, w). Received: (4,) and (4,)"),
    ("a", HU, MASK[:2], "Received: (3, 4) and (2, 4)"),
    ("a", HU * 1e6, MASK, "finite HU that float16 can hold"),
    ("a", np.full((3, 4), np.nan), MASK, "finite HU"),
    ("a", HU, MASK - 1, "class ids from 0 to 255. Received: -1 to 1"),
    ("a", HU, MASK + 0.5, "class ids from 0 to 255"),
    ("", HU, MASK, "an id that is not empty"),
    ("a\nb", HU, MASK, "without line breaks"),
    ("ü" * 50, HU, MASK, "at most 240 bytes"),
])
def test_a_slice_that_cannot_be_is_refused(tmp_path, id, hu, mask, told):
    with pytest.raises(CandidateError, match=re.escape(told)):
        write_candidate(tmp_path, id, hu, mask)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(("rows", "classes", "told"), [
    ([("a", "p", ["cyst"])], CLASSES, "Expected classes among epidural, subdural. Received: 'cyst'"),
    ([("a", "p", ""), ("a", "p", "")], CLASSES, "Received: 'a' twice"),
    ([("a", "", "")], CLASSES, "a patient of a that is not empty"),
    ([], CLASSES, "Received: none"),
    ([("a", "p", "")], ("x", "x"), "different names"),
    ([("a", "p", "")], ("x;y",), "without ';'"),
])
def test_a_table_that_cannot_be_is_refused(tmp_path, rows, classes, told):
    with pytest.raises(CandidateError, match=re.escape(told)):
        write_table(tmp_path, rows, classes, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spacing", [(0, 1), (1,), "ab", (float("nan"), 1)])
def test_a_spacing_that_cannot_be_is_refused(tmp_path, spacing):
    with pytest.raises(CandidateError, match="spacing of rows and columns in mm"):
        write_candidate(tmp_path, "a", HU, MASK, spacing)


def test_what_was_judged_stays(folder, row):
    table = read_table(folder)
    id = next(iter(table.rows))
    shown = read_slice(table, id)
    rows = [(one.id, one.patient, one.label) for one in table.rows.values()]
    write_candidate(folder, id, shown.hu, shown.prediction)  # nobody has judged yet
    Ledger(folder).append([row(id, "accept")])
    write_candidate(folder, id, shown.hu, shown.prediction)  # the same again, as a job that goes on writes it
    write_table(folder, rows, table.classes, "again", (0.5, 0.5))
    with pytest.raises(CandidateError, match="another slice or prediction; write them to a new folder"):
        write_candidate(folder, id, shown.hu, 1 - (shown.prediction > 0))
    with pytest.raises(CandidateError, match="another one; write it to a new folder"):
        write_table(folder, rows[:-1], table.classes, "again")


def test_a_folder_that_is_none_is_told(tmp_path, folder):
    with pytest.raises(CandidateError, match="which is none"):
        read_table(tmp_path / "no")
    with pytest.raises(CandidateError, match=r"Received: no candidates\.json"):
        read_table(tmp_path)
    (folder / "candidates.csv").unlink()
    with pytest.raises(CandidateError, match=r"Received: no candidates\.csv"):
        read_table(folder)


@pytest.mark.parametrize(("name", "text", "told"), [
    ("candidates.csv", "id,label\na,\n", "Expected the columns id, patient, label"),
    ("candidates.csv", "id,patient,label\na,p\n", "rows of another length"),
    ("candidates.csv", "", "an empty file"),
    ("candidates.csv", "id,patient,label\na,p,cyst\n", "Received: 'cyst'"),
    ("candidates.json", "[]", "that can be read"),
    ("candidates.json", "{", "that can be read"),
    ("candidates.json", '{"classes": 5}', "that can be read"),
])
def test_damaged_tables_are_told(folder, name, text, told):
    (folder / name).write_text(text)
    with pytest.raises(CandidateError, match=re.escape(told)):
        read_table(folder)


@pytest.mark.parametrize("keep", [0, 1, 30, 300, -1])
def test_a_damaged_slice_is_told(folder, keep):
    table = read_table(folder)
    id = next(iter(table.rows))
    path = path_of(folder, id)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CandidateError, match="Expected a whole"):
        read_slice(table, id)


def test_a_slice_with_a_class_beyond_the_table_is_told(folder):
    table = read_table(folder)
    id = next(iter(table.rows))
    write_candidate(folder, id, HU, MASK + 4)
    with pytest.raises(CandidateError, match="class ids up to 5. Received: 6"):
        read_slice(table, id)
