import json
import re

import numpy as np
import pytest
from PIL import Image

from mil_tf.review.candidates import CandidateError, path_of, read_slice
from mil_tf.review.decisions import Ledger
from mil_tf.review.desk import Desk
from mil_tf.review.offline import export, take_in
from mil_tf.review.picture import WINDOWS, grey


def given(page):
    text = (page / "slices.js").read_text()
    return json.loads(re.fullmatch(r"window\.REVIEW = (.*);\n", text, re.DOTALL)[1])


def test_an_export_is_whole(folder, tmp_path):
    desk = Desk(folder)
    told = export(desk, tmp_path / "page")
    assert told.startswith("6 slices in ") and "index.html" in told
    page, records = (tmp_path / "page" / "index.html").read_text(), given(tmp_path / "page")["records"]
    assert [record["id"] for record in records] == list(desk.ids())
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address == "data:," or (tmp_path / "page" / address).is_file(), address
    for record in records:
        for name, window in WINDOWS.items():
            found = Image.open(tmp_path / "page" / f"{record['image']}-{name}.png")
            np.testing.assert_array_equal(np.asarray(found), grey(read_slice(desk.table, record["id"]).hu, window))
        assert record["outlines"] == desk.record(record["id"])["outlines"]


def test_names_cannot_break_out_of_the_page(make_folder, tmp_path):
    desk = Desk(make_folder(ids=["</script><script>alert(1)", "b"]))
    export(desk, tmp_path / "page")
    text = (tmp_path / "page" / "slices.js").read_text()
    assert "<" not in text and "</script><script>alert(1)" in {one["id"] for one in given(tmp_path / "page")["records"]}


def test_a_reviewers_export_is_what_is_left_to_this_person(folder, tmp_path, row):
    desk = Desk(folder, share=0)
    first, second, *_ = desk.ids()
    Ledger(folder).append([row(first, "accept"), row(second, "accept", "ben")])
    export(desk, tmp_path / "page", "anna")
    found = given(tmp_path / "page")
    assert found["reviewer"] == "anna"
    assert {record["id"] for record in found["records"]} == set(desk.ids()) - {first, second}
    desk.ledger.append([row(id, "reject") for id in desk.ids()[1:]])
    with pytest.raises(CandidateError, match="slices that anna has yet to judge. Received: none are left"):
        export(desk, tmp_path / "other", "anna")
    assert not (tmp_path / "other").exists()


def test_a_folder_that_holds_something_is_left_alone(folder, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.txt").write_text("mine")
    with pytest.raises(CandidateError, match="a new or empty folder"):
        export(Desk(folder), tmp_path / "page")
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["mine.txt"]


def test_damaged_slices_are_left_out_and_told(folder, tmp_path):
    desk = Desk(folder)
    path_of(folder, desk.ids()[2]).write_bytes(b"no")
    gone = desk.ids()[2]
    assert gone in export(desk, tmp_path / "page").splitlines()[1]
    found = given(tmp_path / "page")
    assert len(found["records"]) == 5 and gone in found["problems"][0]
    assert len({record["image"] for record in found["records"]}) == 5


def test_decisions_are_taken_in_once(folder, tmp_path, row):
    desk = Desk(folder)
    other = Ledger(tmp_path)
    other.append([row(desk.ids()[0], "accept"), row(desk.ids()[0], "undo", second=1), row("who", "accept")])
    told, left_out = take_in(desk, tmp_path / "decisions.csv")
    assert told.startswith("2 decisions taken in") and left_out == ["'who' is not the id of a candidate; its decisions are left out"]
    assert take_in(desk, tmp_path / "decisions.csv")[0].startswith("0 decisions taken in") and desk.trail("anna") == []
    other.append([row(desk.ids()[0], "reject", second=2)])
    assert take_in(desk, tmp_path / "decisions.csv")[0].startswith("1 decisions")
    assert desk.trail("anna") == [[desk.ids()[0], "reject"]]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "time,reviewer,id,decision\n"])
def test_a_file_without_decisions_is_told(folder, tmp_path, text):
    path = tmp_path / "decisions.csv"
    path.write_text(text)
    with pytest.raises(CandidateError, match="Received: no such row"):
        take_in(Desk(folder), path)
    with pytest.raises(CandidateError, match="No such file"):
        take_in(Desk(folder), tmp_path / "no.csv")
