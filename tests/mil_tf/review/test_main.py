import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import mil_tf
from mil_tf.review.__main__ import main
from mil_tf.review.decisions import Ledger
from mil_tf.review.desk import Desk
from mil_tf.review.server import listen

ROOT = Path(mil_tf.__file__).parent.parent


def test_status(folder, capsys, row):
    ids = Desk(folder).ids()
    assert main([str(folder), "--status"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 of 6 slices judged: 0 accepted, 0 rejected", "no slice was judged by two people yet, so there is no kappa"]
    Ledger(folder).append([row(id, "accept", second=at * 5) for at, id in enumerate(ids)])
    Ledger(folder).append([row(ids[0], "accept", "ben"), row(ids[1], "reject", "ben"), row(ids[2], "skip", "ben")])
    with open(folder / "decisions.csv", "a") as file:
        file.write("2021-06-01T12")
    assert main([str(folder), "--status"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["6 of 6 slices judged: 5 accepted, 1 rejected", "  anna: 6 judged, 6 accepted, 5 s a slice",
                         "  ben: 2 judged, 1 accepted"]
    assert shown[3].startswith("Cohen's kappa anna and ben: 0.00 ") and shown[3].endswith("on 2 slices, of which 1 alike")
    assert shown[4] == ("1 slices on which people differ. A slice that several people judged is accepted only where all of "
                        "them accept it.")
    assert shown[5:] == ["line 11 of decisions.csv is no whole row and is left out: '2021-06-01T12'"]


def test_export_and_import(folder, tmp_path, capsys, row):
    assert main([str(folder), "--export", str(tmp_path / "page")]) == 0
    assert main([str(folder), "--export", str(tmp_path / "page")]) == 2
    other = tmp_path / "other"
    other.mkdir()
    Ledger(other).append([row(Desk(folder).ids()[0], "accept")])
    assert main([str(folder), "--import", str(other / "decisions.csv")]) == 0
    Ledger(other).append([row("who", "accept")])
    assert main([str(folder), "--import", str(other / "decisions.csv")]) == 1
    assert "0 decisions taken in" in capsys.readouterr().out


@pytest.mark.parametrize("args", [["--status"], [], ["--export", "page"], ["--import", "file"]])
def test_a_folder_that_is_none_is_one_line(tmp_path, capsys, args):
    assert main([str(tmp_path / "no"), *args]) == 2
    assert re.fullmatch(r"python -m mil_tf.review: Expected a folder with candidates.csv.*\n", capsys.readouterr().err)


def test_a_port_in_use_is_one_line(folder, capsys):
    pytest.importorskip("flask")
    with listen(0) as taken:
        assert main([str(folder), "--port", str(taken.getsockname()[1])]) == 2
    assert re.fullmatch(r"python -m mil_tf.review: Expected a free port.*\n", capsys.readouterr().err)


def test_without_flask_only_the_page_is_missing(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "flask", None)
    assert main([str(folder)]) == 2
    assert "pip install 'mil-tf[review]'" in capsys.readouterr().err
    assert main([str(folder), "--status"]) == 0
    assert main([str(folder), "--export", str(tmp_path / "page")]) == 0


@pytest.mark.parametrize("args", [["--overlap", "2"], ["--overlap", "x"], ["--order", "random"], ["--status", "--export", "x"],
                                  ["--host", "0.0.0.0"]])
def test_arguments_that_cannot_be(folder, args):
    with pytest.raises(SystemExit):
        main([str(folder), *args])


def test_a_reviewers_name_that_cannot_be(folder, capsys):
    assert main([str(folder), "--reviewer", "a\nb", "--status"]) == 2
    assert "a reviewer's name" in capsys.readouterr().err


def test_it_serves_until_ctrl_c(folder):
    pytest.importorskip("flask")
    command = [sys.executable, "-m", "mil_tf.review", str(folder), "--port", "0", "--reviewer", "anna"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        line = process.stdout.readline()
        address = re.search(r"6 slices to review at (http://127\.0\.0\.1:\d+/) ", line)[1]
        assert b"canvas" in urllib.request.urlopen(address, timeout=30).read()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")
