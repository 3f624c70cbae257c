import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mil_tf
from mil_tf.review import decisions as module
from mil_tf.review.candidates import CandidateError
from mil_tf.review.decisions import Ledger, Row, decisions, judged, parse, resolved, standing

ROOT = Path(mil_tf.__file__).parent.parent
WRITER = """
import sys
from mil_tf.review.decisions import Ledger, Row
ledger, name = Ledger(sys.argv[1]), sys.argv[2]
for at in range(int(sys.argv[3])):
    row = Row(f"2021-06-01T12:00:00.{at:03d}Z", name, f"id {at}, of {name}", "accept")
    ledger.append([row])
    print(at, flush=True)
"""


def write(folder, name, count):
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_rows_come_back_as_they_were(tmp_path, row):
    given = [row("a", "accept"), row('b/"c", d', "reject", "Dr. Ü, MD"), row("a", "undo", second=2)]
    ledger = Ledger(tmp_path)
    assert ledger.append(given[:1]) == 1 and ledger.append(given[1:]) == 2
    assert ledger.read() == Ledger(tmp_path).read() == (given, [])
    lines = (tmp_path / "decisions.csv").read_text("utf-8").splitlines()
    assert lines[:2] == ["time,reviewer,id,decision", "2021-06-01T12:00:00.000Z,anna,a,accept"]


def test_a_row_that_is_sent_again_is_written_once(tmp_path, row):
    ledger = Ledger(tmp_path)
    assert ledger.append([row("a", "undo"), row("a", "undo")]) == 1
    assert Ledger(tmp_path).append([row("a", "undo"), row("a", "accept")]) == 1
    assert ledger.append([row("a", "accept")]) == 0
    assert len(ledger.read()[0]) == 2


def test_nothing_is_written_before_there_is_a_decision(tmp_path):
    assert Ledger(tmp_path).read() == ([], [])
    assert Ledger(tmp_path).append([]) == 0
    assert decisions(tmp_path) == {}


@pytest.mark.parametrize("change", [{"time": "yesterday"}, {"time": None}, {"decision": "perhaps"}, {"reviewer": " "},
                                    {"reviewer": "a\nb"}, {"id": ""}, {"id": "a\x00"}, {"id": "\ud800"}])
def test_a_row_that_cannot_be_is_refused_with_all_of_its_call(tmp_path, row, change):
    with pytest.raises(CandidateError, match="Expected"):
        Ledger(tmp_path).append([row("a", "accept"), row("a", "accept")._replace(**change)])
    assert Ledger(tmp_path).read() == ([], [])


def test_every_torn_end_is_told_and_spoils_nothing(tmp_path, row):
    """A file cut at every byte, read, and written on."""
    first, second, third = row("a", "accept"), row('"b", é', "reject", "bén"), row("c", "skip")
    Ledger(tmp_path).append([first, second])
    path = tmp_path / "decisions.csv"
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        before, told = Ledger(tmp_path).read()
        assert before == [first, second][:len(before)]
        assert Ledger(tmp_path).append([third]) == 1
        after, still_told = Ledger(tmp_path).read()
        assert after == [*before, third]
        assert still_told == told
        inside = whole[:cut].rpartition(b"\n")[2]
        is_whole = inside in (b"", *whole.split(b"\n"))
        assert len(told) == (0 if is_whole else 1), (cut, told)
    assert "is no whole row and is left out: 'time,rev" in _told_after(tmp_path, path, whole[:8])


def _told_after(folder, path, data):
    path.write_bytes(data)
    return Ledger(folder).read()[1][0]


def test_bytes_of_a_power_cut_are_told(tmp_path, row):
    ledger = Ledger(tmp_path)
    ledger.append([row("a", "accept")])
    path = tmp_path / "decisions.csv"
    with open(path, "ab") as file:
        file.write(b"\0\0\0\0\n\xff\xfe,\n2021-06-01T12:00:00.000Z,anna,\"b,accept\n\n")
    ledger.append([row("c", "accept")])
    rows, told = ledger.read()
    assert [one.id for one in rows] == ["a", "c"]
    assert [text.split(" of ")[0] for text in told] == ["line 3", "line 4", "line 5"]


def test_a_file_that_a_spreadsheet_saved_is_read():
    assert parse(b"\xef\xbb\xbftime,reviewer,id,decision\r") is None
    assert parse(b"2021-06-01T12:00:00.000Z,anna,a,accept\r") == ("2021-06-01T12:00:00.000Z", "anna", "a", "accept")


def test_a_file_that_was_replaced_is_read_anew(tmp_path, row):
    ledger = Ledger(tmp_path)
    ledger.append([row("a", "accept"), row("b", "accept")])
    other = tmp_path / "other"
    other.mkdir()
    Ledger(other).append([row("c", "reject")])
    os.replace(other / "decisions.csv", tmp_path / "decisions.csv")
    assert [one.id for one in ledger.read()[0]] == ["c"]
    ledger.append([row("d", "accept")])
    (tmp_path / "decisions.csv").unlink()
    assert ledger.read() == ([], [])


def test_several_processes_write_at_the_same_time(tmp_path):
    writers = [write(tmp_path, name, 40) for name in ("anna", "ben", "eve")]
    for one in writers:
        one.communicate()
        assert one.returncode == 0
    rows, told = Ledger(tmp_path).read()
    assert told == [] and len(rows) == 120
    for name in ("anna", "ben", "eve"):
        assert [row.id for row in rows if row.reviewer == name] == [f"id {at}, of {name}" for at in range(40)]
    assert (tmp_path / "decisions.csv").read_text().count("time,reviewer") == 1


def test_what_was_told_as_written_survives_sigkill(tmp_path):
    random.seed(0)
    for turn in range(4):
        name = f"reviewer {turn}"
        one = write(tmp_path, name, 900)
        one.stdout.readline()
        time.sleep(random.uniform(0, 0.05))
        one.send_signal(signal.SIGKILL)
        told = one.communicate()[0].split("\n")[:-1]  # whole lines
        kept = [row.id for row in Ledger(tmp_path).read()[0] if row.reviewer == name]
        assert len(kept) >= len(told) + 1
        assert kept == [f"id {at}, of {name}" for at in range(len(kept))]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, row, monkeypatch):
    ledger = Ledger(tmp_path)
    ledger.append([row("a", "accept")])
    before, write = (tmp_path / "decisions.csv").read_bytes(), os.write
    monkeypatch.setattr(module.os, "write", lambda descriptor, data: write(descriptor, data[:9]))
    with pytest.raises(OSError, match="No space left"):
        ledger.append([row("b", "accept")])
    monkeypatch.undo()
    assert (tmp_path / "decisions.csv").read_bytes() == before
    assert ledger.append([row("b", "accept")]) == 1 and len(ledger.read()[0]) == 2


def test_without_flock_rows_are_written_too(tmp_path, row, monkeypatch):
    monkeypatch.setattr(module, "fcntl", None)
    ledger = Ledger(tmp_path)
    ledger.append([row("a", "accept")])
    assert len(ledger.read()[0]) == 1


@pytest.mark.parametrize(("words", "left"), [
    ("accept", ["accept"]),
    ("accept undo", None),
    ("accept reject", ["accept", "reject"]),
    ("accept reject undo", ["accept"]),
    ("accept reject undo undo", None),
    ("undo accept", ["accept"]),  # nothing stood that the first could take back
    ("accept undo undo undo reject", ["reject"]),
    ("skip accept undo", ["skip"]),
])
def test_chains_of_undo(row, words, left):
    stands = standing([row("a", word) for word in words.split()])
    assert stands.get("a", {}).get("anna") == left


def test_an_undo_is_this_reviewers_and_this_slices(row):
    rows = [row("a", "accept"), row("a", "reject", "ben"), row("b", "accept"), row("a", "undo", "ben")]
    assert standing(rows) == {"a": {"anna": ["accept"]}, "b": {"anna": ["accept"]}}


def test_a_slice_is_accepted_only_by_all_who_judged_it(tmp_path, row):
    Ledger(tmp_path).append([
        row("both", "accept"), row("both", "accept", "ben"), row("one", "accept"), row("differ", "accept"),
        row("differ", "reject", "ben"), row("skipped", "skip"), row("half", "skip"), row("half", "accept", "ben"),
        row("back", "reject"), row("back", "undo", second=1),
    ])
    assert decisions(tmp_path) == {"both": "accept", "one": "accept", "differ": "reject", "half": "accept"}


def test_judged_leaves_skips_out(row):
    assert judged(standing([row("a", "skip"), row("a", "reject", "ben")])) == {"a": {"ben": "reject"}}
    assert resolved({"a": {"ben": "reject"}}) == {"a": "reject"}


def test_row_order():
    assert Row._fields == module.COLUMNS
