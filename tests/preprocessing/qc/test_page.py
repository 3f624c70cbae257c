import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from preprocessing.__main__ import main
from preprocessing.product import picture
from preprocessing.qc import HEIGHT, WIDTH, page, template
from tfrecords.writer import write_bytes

EVIL = '<script>alert("x")</script>&amp;'


class Rows(HTMLParser):
    """The rows of a page: their attributes, pictures, texts, and all the tags there are."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.inside = self.inside or tag == "article"
        if tag == "article":
            self.rows.append({"given": dict(attributes), "images": [], "texts": [], "cells": 0})
        elif self.inside and tag == "img":
            self.rows[-1]["images"].append(dict(attributes))
        elif self.inside and tag == "div":
            self.rows[-1]["cells"] += 1

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "article"

    def handle_data(self, data):
        if self.inside:
            self.rows[-1]["texts"].append(data)


@pytest.fixture
def folder(make_bag, write_dataset):
    """A finished data set: a plain bag, a flagged one, one without a picture, an evil one, and two rejected."""
    made = write_dataset([
        make_bag("a/1", meta={"brain_cm3": 1400.5, "site": "x"}),
        make_bag("b", label=0, meta={"brain_cm3": 300.0, "flags": "brain of 300 cm3"}),
        make_bag("c"),
        make_bag(EVIL, patient=EVIL, meta={EVIL: EVIL}),
    ])
    for id in ("a/1", "b", EVIL):
        write_bytes(made / picture(id), b"a picture")
    (made / "rejected.csv").write_text('id,path,reason\nd,d.nii,"4-D, <b>twice</b>"\nd,e.nii,also\n')
    return made


def rows(folder):
    return Rows(page.write(folder).read_text(encoding="utf-8")).rows


def test_every_scan_is_there_with_what_is_known_of_it(folder):
    first, second, third, _, *refused = rows(folder)
    assert [row["texts"][0] for row in (first, second, third)] == ["a/1", "b", "c"]
    assert {"patient-a/1", "1", "5", "1400.5", "x"} <= set(first["texts"])
    assert [row["given"].get("data-label") for row in (first, second, third)] == ["1", "0", "1"]
    assert [row["given"].get("class") for row in (first, second, third)] == [None, "flagged", None]
    assert "brain of 300 cm3" in second["texts"]
    assert len({row["cells"] for row in rows(folder)}) == 1  # a column stands at one place in every row
    assert len(refused) == 2


def test_rejected_scans_have_reasons_and_no_picture_nor_mark(folder):
    *_, one, other = rows(folder)
    for row, reason in ((one, "4-D, <b>twice</b>"), (other, "also")):
        assert row["texts"] == ["d", "reason", reason] and row["given"] == {"class": "rejected"} and not row["images"]


def test_pictures_load_when_they_come_into_sight_and_leave_their_room_free(folder):
    first, _, third, evil, *_ = rows(folder)
    assert not third["images"]
    for row, name in ((first, r"qc/a_1~\w+\.jpg"), (evil, r"qc/[\w%.-]+~\w+\.jpg")):
        (image,) = row["images"]
        assert re.fullmatch(name, image["src"].replace("%7E", "~"))
        assert (image["loading"], image["width"], image["height"]) == ("lazy", str(WIDTH), str(HEIGHT))


def test_nothing_from_outside_is_taken_for_html(folder):
    text = page.write(folder).read_text(encoding="utf-8")
    parsed = Rows(text)
    assert parsed.tags.count("script") == 1 and "b" not in parsed.tags
    assert text.count("<script>alert") == 0
    assert EVIL in parsed.rows[3]["texts"]


def test_nothing_comes_from_a_network(folder):
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page.write(folder).read_text(encoding="utf-8"))


def test_the_script_is_one_that_a_browser_can_read(tmp_path):
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    (tmp_path / "script.js").write_text(template.SCRIPT)
    done = subprocess.run([program, "--check", tmp_path / "script.js"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_labels_to_choose_from_and_the_columns_to_sort_by(folder):
    text = page.write(folder).read_text(encoding="utf-8")
    assert re.findall(r"<option>(.*?)</option>", text) == ["0", "1"]
    heads = re.findall(r'class="sort">(.*?)</button>', text)
    assert heads[:4] == ["id", "patient", "label", "slices"] and heads[-2:] == ["flags", "reason"]
    assert {"brain_cm3", "site"} <= set(heads)
    assert "4 scans, 1 flagged; 2 rejected" in text


def test_a_column_of_the_label_table_may_have_the_name_of_ours(make_bag, write_dataset):
    folder = write_dataset([make_bag("a", meta={"slices": "25", "label": "ICH", "reason": "his own"})])
    (row,) = rows(folder)
    assert row["given"] == {"data-label": "1"} and {"5", "25", "ICH", "his own"} <= set(row["texts"])


def test_the_command_tells_where_the_page_is(folder, capsys):
    assert main(["qc", "--data", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "qc.html")
    before = (folder / "qc.html").read_bytes()
    main(["qc", "--data", str(folder)])
    assert (folder / "qc.html").read_bytes() == before


def test_a_folder_that_is_none_is_one_line(tmp_path, capsys):
    assert main(["qc", "--data", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m preprocessing qc: Expected a folder with a dataset.json") and told.count("\n") == 1
