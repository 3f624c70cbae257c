"""Grids that train for real, in processes of their own, and the deaths that they must survive."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mil_tf.data import nested_subset
from mil_tf.grid.process import ROOT
from mil_tf.training import lock, progress
from tests.mil_tf.grid.conftest import LONG
from tfrecords import Dataset

RECIPE = "remedios2020"


def folder(out, bags, fold=0, seed=0):
    return Path(out) / RECIPE / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"


def table(out):
    with open(Path(out) / RECIPE / "grid.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mtimes(run):
    return {path: path.stat().st_mtime_ns for path in run.rglob("*")}


@pytest.fixture
def begin(tiny_data, tiny_arguments):
    """begin(out, *more) -> a process of train.py; none is left behind."""
    found = []

    def start(out, *more):
        command = [sys.executable, "train.py", *tiny_arguments(tiny_data, out, *more)]
        pipe = subprocess.PIPE
        found.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT))
        return found[-1]

    yield start
    for process in found:
        process.kill()
        process.communicate()


def until(process, holds):
    """Waits until something holds; a process that ends before has failed."""
    while not holds():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def is_begun(run, epochs):
    return progress.read(run).epochs >= epochs and lock.holder(run) is not None


@pytest.mark.long
def test_a_run_has_the_same_bits_in_a_process_of_its_own(train_tiny, tiny_run, bits, tmp_path):
    code, shown, said = train_tiny("--shard", "1/1")
    assert code == 0 and said == "", said
    run = folder(tmp_path / "runs", 14)
    assert bits(run) == bits(tiny_run)
    assert shown.splitlines()[0].startswith("1 runs: 1 running; the time to go is not known")
    assert shown.splitlines()[-3] == "1 runs: 1 done"
    [row] = table(tmp_path / "runs")
    assert (row["state"], row["epochs"], row["where"]) == ("done", "4", "") and float(row["elapsed_s"]) > 0
    assert "epoch   3  train loss " in (run / "train.log").read_text()
    assert not lock.locks(run)


@pytest.mark.slow
def test_runs_that_fail_are_told_of_and_tried_again(train_tiny, tmp_path):
    given = ("norm=none", "learning_rate=1e38", "warm_up_learning_rate=1e38", "optimizer=SGD", "--bags", "4", "6")
    code, shown, said = train_tiny(*given, "--jobs", "2")
    assert code == 1 and shown.splitlines()[-4] == "2 runs: 2 failed"
    assert [line.split(" failed: ")[0] for line in said.splitlines()] == [
        f"train.py: bags {bags}, fold 0, seed 0" for bags in (4, 6)
    ]
    assert said.count("is not finite: it was at step ") == 2
    assert [(row["state"], "is not finite" in row["why"]) for row in table(tmp_path / "runs")] == [("failed", True)] * 2
    assert train_tiny(*given, "--status")[1].startswith("2 runs: 2 failed")


@pytest.mark.long
@pytest.mark.slow
def test_a_damaged_bag_fails_the_runs_that_it_is_in_alone(train_tiny, write_tiny, tmp_path):
    dataset = Dataset(write_tiny(tmp_path / "data"))
    rows = dataset.splits(0)["train"]
    row = rows[nested_subset([row.label for row in rows], 6, 0)[-1]]  # one of six, none of four
    path = dataset.folder / row.shard
    data = bytearray(path.read_bytes())
    data[row.offset + row.length // 2] ^= 1
    path.write_bytes(data)
    code, _, said = train_tiny("max_epochs=1", "--bags", "6", "4", data=dataset.folder)
    assert code == 1 and said.startswith("train.py: bags 6, fold 0, seed 0 failed: ") and row.id in said
    assert [row["state"] for row in table(tmp_path / "runs")] == ["failed", "done"]


def test_an_option_that_no_run_can_have_stops_at_the_first(train_tiny, tmp_path):
    code, _, said = train_tiny("optimizer=Adm", "--bags", "4", "6")
    assert code == 2 and said.startswith("train.py: ") and "Adm" in said and said.count("\n") == 1
    assert not list(tmp_path.rglob("config.json"))


@pytest.mark.long
@pytest.mark.slow
def test_a_grid_that_is_killed_and_stopped_ends_as_one_that_never_was(begin, undisturbed, bits, tmp_path):
    first, second = folder(tmp_path, 4), folder(tmp_path, 14)
    process = begin(tmp_path, *LONG)
    until(process, lambda: is_begun(second, 2))
    process.kill()
    process.wait()
    while lock.holder(second):  # its child follows
        time.sleep(0.02)
    done = mtimes(first)
    shown = begin(tmp_path, *LONG, "--status").communicate()[0].splitlines()
    assert shown[0].startswith("2 runs: 1 done, 1 left; ") and shown[2].split()[3] == "done,"

    process, before = begin(tmp_path, *LONG), progress.read(second).epochs
    until(process, lambda: is_begun(second, before + 1))
    assert [row["state"] for row in table(tmp_path)] == ["done", "running"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130 and lock.holder(second) is None
    assert said.splitlines()[-1] == "train.py: stopped, 1 runs are left; the same command goes on with them"
    assert "a checkpoint was written" in (second / "train.log").read_text()
    assert [row["state"] for row in table(tmp_path)] == ["done", "left"]

    process = begin(tmp_path, *LONG)
    shown, said = process.communicate()
    assert process.returncode == 0 and said == "", said
    assert [row["state"] for row in table(tmp_path)] == ["done", "done"]
    assert mtimes(first) == done
    for bags in (4, 14):
        assert bits(folder(tmp_path, bags)) == bits(folder(undisturbed, bags))


@pytest.mark.long
@pytest.mark.slow
def test_two_commands_on_one_folder_train_each_run_once(begin, undisturbed, bits, tmp_path):
    ended = [process.communicate() for process in (begin(tmp_path, *LONG), begin(tmp_path, *LONG))]
    for bags in (4, 14):
        run = folder(tmp_path, bags)
        assert bits(run) == bits(folder(undisturbed, bags)), ended
        assert (run / "train.log").read_text().count("epoch   0 ") == 1
    assert [row["state"] for row in table(tmp_path)] == ["done", "done"]


@pytest.mark.long
@pytest.mark.slow
def test_a_child_that_is_killed_fails_its_run_and_no_other(begin, tmp_path):
    process = begin(tmp_path, *LONG, "--set", "max_epochs=2")
    first = folder(tmp_path, 4)
    until(process, lambda: lock.holder(first))
    os.kill(lock.holder(first).process, signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 1 and "bags 4, fold 0, seed 0 failed: its process was killed by signal 9" in said
    assert [row["state"] for row in table(tmp_path)] == ["failed", "done"]
