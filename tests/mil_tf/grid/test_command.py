"""Grids of train.py that train nothing: what is refused, and the table of --status."""

import shutil
import subprocess
import sys

import pytest

import train
from mil_tf.grid.process import ROOT
from mil_tf.training import lock

GRID = ("--bags", "4", "6", "--folds", "2")


@pytest.mark.parametrize(
    "given, told", [
        (["--shard", "0/2"], "--shard: Expected I/N, I from 1 to N, such as 2/8. Received: '0/2'."),
        (["--shard", "3/2"], "--shard: Expected I/N, I from 1 to N, such as 2/8. Received: '3/2'."),
        (["--jobs", "0"], "--jobs: Expected at least 1. Received: 0."),
        (["--jobs", "2", "--scheduler", "tcp://x"], "--jobs: Expected none with --scheduler. Received: both."),
        (["--jobs", "2", "--strategy", "mirrored"], "--jobs: Expected none with --strategy. Received: both."),
        (["--scheduler", "x", "--strategy", "mirrored"], "--scheduler: Expected none with --strategy. Received: both."),
        (["--scheduler", "tcp://127.0.0.1"], "--scheduler: Expected the address of a running Dask scheduler"),
    ],
)
def test_what_cannot_be_is_one_line(train_tiny, tmp_path, given, told):
    code, shown, said = train_tiny(*GRID, *given)
    assert code == 2 and said.startswith("train.py: ") and told in said and said.count("\n") == 1 and shown == ""
    assert not list(tmp_path.rglob("config.json"))


def test_status_tells_what_folders_say_and_writes_nothing(train_tiny, tiny_run):
    out = tiny_run.parents[3]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    code, shown, said = train_tiny("--bags", "4", "14", "--seeds", "2", "--status", out=out)
    lines = shown.splitlines()
    assert code == 0 and said == "" and lines[0].startswith("4 runs: 1 done, 3 left; ")
    assert [line.split()[:4] for line in lines[2:]] == [
        ["4", "0", "0", "left"], ["4", "0", "1", "left"], ["14", "0", "0", "done,"], ["14", "0", "1", "left"],
    ]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_status_of_a_share_is_its_runs(train_tiny, tmp_path):
    shown = [train_tiny(*GRID, "--status", "--shard", f"{index}/2")[1].splitlines()[2:] for index in (1, 2)]
    assert [len(lines) for lines in shown] == [2, 2] and not set(shown[0]) & set(shown[1])


def test_a_run_that_is_trained_is_running_to_whoever_asks(train_tiny, tiny_data, tmp_path):
    folder = tmp_path / "runs" / "remedios2020" / "bags-4" / "fold-0" / "seed-0"
    folder.mkdir(parents=True)
    with lock.taken(folder):
        shown = train_tiny(*GRID, "--status")[1].splitlines()
        assert shown[0].startswith("4 runs: 1 running, 3 left") and shown[2].endswith(str(lock.holder(folder)))


def test_status_loads_no_tensorflow(tiny_data, tiny_arguments, tmp_path):
    given = tiny_arguments(tiny_data, tmp_path, *GRID, "--status")
    code = "import sys, train; assert train.main(sys.argv[1:]) == 0; sys.exit('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "given, told", [
        (["learning_rate=0.5"], "learning_rate (0.01, now 0.5)"), (["--variant", "paper"], "variant"),
        (["learning_rate=0.5", "--status"], "learning_rate (0.01, now 0.5)"),
    ],
)
def test_a_run_of_other_settings_does_not_count_as_done(train_tiny, tiny_run, tmp_path, given, told):
    run = tmp_path / "runs" / tiny_run.relative_to(tiny_run.parents[3])
    shutil.copytree(tiny_run, run)
    code, _, said = train_tiny(*given, "--bags", "14", "4")
    assert code == 2 and said.count("\n") == 1
    assert said.startswith(f"train.py: {run} cannot be resumed: it was made with another {told}")


def test_a_grid_that_is_done_ends_at_once_and_touches_no_run(train_tiny, tiny_run, tmp_path, monkeypatch):
    out = tmp_path / "runs"
    shutil.copytree(tiny_run.parents[3], out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    monkeypatch.setattr("mil_tf.grid.local.Child", None)  # nothing may be started
    code, shown, said = train_tiny("--bags", "14", "--shard", "1/1")
    assert code == 0 and said == "" and shown.startswith("1 runs: 1 done\n")
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert before == {path: at for path, at in after.items() if path.name != "grid.csv"}
    assert (out / "remedios2020" / "grid.csv").read_text().splitlines()[1].startswith("14,0,0,done,4,")


def test_arguments_are_read():
    given = train.arguments().parse_args(["--shard", "2/8", "--jobs", "3", "--scheduler", "tcp://x", "--status"])
    assert (given.shard, given.jobs, given.scheduler, given.status) == ("2/8", 3, "tcp://x", True)
