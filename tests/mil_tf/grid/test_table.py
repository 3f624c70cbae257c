import csv
import datetime

import pytest

from mil_tf.grid import table
from mil_tf.grid.forecast import Forecast, forecast
from mil_tf.grid.rows import Board

NOW = datetime.datetime(2026, 3, 4, 12).timestamp()


@pytest.fixture
def runs(make_run, begin, finish):
    """One done, one under way, one failed, three left."""
    found = [make_run(bags, fold) for bags in (6, 16) for fold in range(3)]
    finish(found[0], epochs=8, seconds=90.0, loss=0.25, ap=0.9)
    begin(found[1], epochs=3, seconds=30.0, since=NOW, loss=0.5, ap=None)
    begin(found[2], epochs=1, seconds=9.0)
    return found


@pytest.fixture
def rows(runs):
    return Board(runs).rows({runs[1].folder: "process 7"}, {runs[2].folder: "the loss is not finite"})


def test_every_run_has_its_line(rows):
    head, _, *lines = table.lines(rows, forecast(rows, 1, NOW), NOW)
    assert head.startswith("6 runs: 1 done, 1 running, 1 failed, 3 left; ") and " to go, until 12:" in head
    assert [line.split()[:3] for line in lines] == [[str(bags), str(fold), "0"] for bags in (6, 16) for fold in range(3)]
    assert "done, 8 epochs" in lines[0] and "0.2500  0.900      1:30" in lines[0]
    assert "running, epoch 4 of 10" in lines[1] and "0.5000 " in lines[1] and lines[1].endswith("process 7")
    assert "failed, 1 epoch " in lines[2] and lines[2].endswith("the loss is not finite")
    assert lines[3].split()[3] == "left"


def test_columns_stand_below_their_heads(rows):
    _, head, done, *_ = table.lines(rows, forecast(rows, 1, NOW), NOW)
    for name, value in (("AP", "0.900"), ("loss", "0.2500"), ("elapsed", "1:30"), ("bags", "6")):
        assert head.index(name) + len(name) == done.index(value) + len(value), name


def test_where_there_is_no_room_what_is_done_or_left_is_counted(rows):
    found = table.lines(rows, forecast(rows, 1, NOW), NOW, height=6)
    assert len(found) <= 6 and found[-1] == "       and 1 done, 3 left, not shown"
    assert "running" in found[2] and "failed" in found[3]
    assert len(table.lines(rows, forecast(rows, 1, NOW), NOW, height=8)) == 8


def test_what_is_not_known_is_not_told(rows):
    found = table.lines(rows, Forecast(None, {}), NOW)
    assert found[0].endswith("the time to go is not known before a first epoch")


def test_another_day_has_its_date(rows):
    found = table.lines(rows, Forecast(86400.0, {}), NOW)
    assert found[0].endswith("24:00:00 to go, until 12:00 on Thu 05 Mar")


def test_the_file_has_the_same_rows(rows, tmp_path):
    found = forecast(rows, 1, NOW)
    table.write(tmp_path / "grid.csv", rows, found, NOW)
    with open(tmp_path / "grid.csv", newline="") as file:
        written = list(csv.DictReader(file))
    assert [(row["bags"], row["fold"], row["state"]) for row in written] == [
        ("6", "0", "done"), ("6", "1", "running"), ("6", "2", "failed"),
        ("16", "0", "left"), ("16", "1", "left"), ("16", "2", "left"),
    ]
    assert written[0]["validation_loss"] == "0.25" and written[1]["validation_ap"] == ""
    ends = [datetime.datetime.fromisoformat(row["expected_end"]).timestamp() for row in written if row["expected_end"]]
    assert ends == pytest.approx([found.ends[row.run.folder] for row in rows if row.run.folder in found.ends], abs=1)
    assert written[2]["why"] == "the loss is not finite" and written[1]["where"] == "process 7"
    assert [path.name for path in tmp_path.glob("*grid*")] == ["grid.csv"]
