"""Three workers of a Dask cluster on this machine; those of them that a test wants dead die by a preload module."""

import csv
import logging
import socket
import sys

import distributed
import pytest

from preprocessing import cluster, remote
from preprocessing.__main__ import main
from preprocessing.errors import UsageError
from preprocessing.inputs import Scan
from preprocessing.product import Outputs
from preprocessing.settings import CtSettings
from preprocessing.workers import WorkerError

# Beside the scan NAME.nii.gz, NAME.dies kills every worker that makes it, and NAME.dies-once the first.
DYING = """
import os, signal
from pathlib import Path
from preprocessing import product, remote

def dying(scan, settings, outputs):
    once, always = (Path(scan.path).with_name(scan.id + end) for end in (".dies-once", ".dies"))
    if always.exists() or once.exists():
        once.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return product.make(scan, settings, outputs)

remote.make_here = dying
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a scheduler with three workers of one thread."""
    preload = tmp_path_factory.mktemp("preload") / "dying.py"
    preload.write_text(DYING)
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, preload=str(preload),
        silence_logs=logging.CRITICAL,
    ) as made:
        yield made.scheduler_address


@pytest.fixture
def cohort(save, tmp_path):
    """Eight scans with labels, of which s5 is broken."""
    for k in range(8):
        save(f"scans/s{k}.nii.gz", seed=k)
    (tmp_path / "scans/s5.nii.gz").write_bytes(b"broken")
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"s{k},{k % 2}\n" for k in range(8)))


def command(*more, out, folder="."):
    places = [f"--scans={folder}/scans", f"--labels={folder}/labels.csv", f"--out={out}"]
    return ["ct", *map(str, places), "--size=8", "--brain=none", *map(str, more)]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*.*")}


@pytest.fixture
def in_folder(cohort, tmp_path, monkeypatch):
    """The paths that a test gives are relative, and the workers stand elsewhere."""
    monkeypatch.chdir(tmp_path)


def test_a_cluster_whose_worker_is_killed_makes_the_bytes_of_a_local_run(in_folder, address, tmp_path):
    assert main(command("--jobs=1", out="local")) == 0
    (tmp_path / "scans/s3.dies-once").touch()
    assert main(command(f"--scheduler={address}", out="there")) == 0
    assert not (tmp_path / "scans/s3.dies-once").exists()
    assert contents(tmp_path / "there") == contents(tmp_path / "local")
    with open(tmp_path / "there/rejected.csv", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["s5"]


def test_a_scan_that_kills_every_worker_stops_the_job_which_resumes(in_folder, address, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("preprocessing.inputs.SHARD_BYTES", 2 * 6 * 8 * 8 * 2)  # two bags
    assert main(command("--jobs=1", out="local")) == 0
    (tmp_path / "scans/s4.dies").touch()
    capsys.readouterr()
    assert main(command(f"--scheduler={address}", out="there")) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "workers died or ran out of memory at or near scan s4; give each more memory or fewer threads" in told
    kept = sorted(path.name for path in (tmp_path / "there").glob("*.tfrecord"))
    assert len(kept) == 2
    (tmp_path / "scans/s4.dies").unlink()
    assert main(command(f"--scheduler={address}", out="there")) == 0
    assert contents(tmp_path / "there") == contents(tmp_path / "local")


def test_a_file_that_workers_do_not_see_stops_the_job_and_rejects_no_scan(in_folder, address, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(remote, "absolute", lambda scan: scan._replace(path=f"/elsewhere/{scan.path}"))
    assert main(command(f"--scheduler={address}", out="there")) == 2
    assert "does not see /elsewhere/scans/s0.nii.gz; give all machines the folder" in capsys.readouterr().err
    assert not list((tmp_path / "there").glob("*.tfrecord"))


def test_workers_with_another_version_are_refused(in_folder, address, monkeypatch, capsys):
    monkeypatch.setattr(remote, "versions", lambda: {"mil-tf": "9.9"})
    assert main(command(f"--scheduler={address}", out="there")) == 2
    told = capsys.readouterr().err
    assert f"a worker on {socket.gethostname()} has mil-tf" in told and "the job's machine 9.9; install the same" in told


@pytest.fixture
def scans(cohort, tmp_path):
    return [
        Scan(f"s{k}", str(tmp_path / f"scans/s{k}.nii.gz"), k % 2, f"s{k}", {}, None, None, False) for k in range(8)
    ]


def test_a_scan_that_is_gone_is_rejected_as_on_this_machine(scans, address):
    gone = scans[2]._replace(path=scans[2].path + ".gone.nii.gz")
    with cluster.connected(address) as client:
        [(_, reason)] = cluster.products([gone], CtSettings(size=8), Outputs(), client)
    assert reason.startswith("unreadable or truncated") and "No such file" in reason


def test_few_scans_are_sent_and_not_yet_taken_whatever_their_number(scans, address, monkeypatch):
    most = cluster.AHEAD * 3 + cluster.WAITING
    with cluster.connected(address) as client:
        client.wait_for_workers(3, timeout=30)
        sent, submit = [], client.submit
        monkeypatch.setattr(client, "submit", lambda *args, **more: sent.append(1) or submit(*args, **more))
        made = cluster.products(scans[:5] * 4, CtSettings(size=8), Outputs(), client)
        next(made)
        assert len(sent) == most
        next(made)
        assert len(sent) == most + 1
        made.close()


def test_a_scheduler_without_workers_is_waited_for_with_a_notice(scans, address, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "NOTICE_S", 0.05)
    with cluster.connected(address) as client:
        threads, calls = client.nthreads, []
        monkeypatch.setattr(client, "nthreads", lambda: calls.append(1) or ({} if len(calls) < 3 else threads()))
        assert len(list(cluster.products(scans[:2], CtSettings(size=8), Outputs(), client))) == 2
    assert capsys.readouterr().err == f"waiting for workers; one starts with: dask worker {address} --nthreads 1\n"


def test_a_scheduler_that_ends_in_the_middle_is_one_line(scans, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, host="tcp://127.0.0.1", dashboard_address=":0"
    ) as made, cluster.connected(made.scheduler_address) as client:
        products = cluster.products(scans[:5] * 4, CtSettings(size=8), Outputs(), client)
        next(products)
        made.close()
        with pytest.raises(WorkerError, match="the scheduler at tcp://.* is gone, or dropped the job; the same command"):
            list(products)


@pytest.mark.parametrize("given", ["tcp://127.0.0.1:9", "tcp://127.0.0.1", "http://x", "nonsense", "none.json", "empty.json"])
def test_what_is_no_scheduler_is_refused_in_one_line_before_anything_is_written(in_folder, tmp_path, monkeypatch, capsys, given):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    (tmp_path / "empty.json").write_text("{}")
    assert main(command(f"--scheduler={given}", out="there")) == 2
    told = capsys.readouterr().err
    assert "--scheduler: Expected the address of a running Dask scheduler" in told and f"Received: '{given}'" in told
    assert told.count("\n") == 1 and not (tmp_path / "there").exists()


def test_a_server_that_does_not_answer_is_no_scheduler(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UsageError, match="TimeoutError"), cluster.connected(address):
            pass


def test_a_worker_is_no_scheduler(address):
    with cluster.connected(address) as client:
        worker = next(iter(client.nthreads()))
    with pytest.raises(UsageError, match="it is a worker"), cluster.connected(worker):
        pass


def test_a_scheduler_is_found_by_its_file(address, tmp_path):
    (tmp_path / "scheduler.json").write_text(f'{{"address": "{address}"}}')
    with cluster.connected(str(tmp_path / "scheduler.json")) as client:
        assert client.scheduler.address == address


def test_jobs_and_scheduler_exclude_each_other(in_folder, capsys):
    assert main(command("--jobs=2", "--scheduler=tcp://127.0.0.1:9", out="there")) == 2
    assert "--jobs: Expected none with --scheduler" in capsys.readouterr().err


def test_without_dask_the_line_says_what_to_install(in_folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(command("--scheduler=tcp://127.0.0.1:9", out="there")) == 2
    assert "pip install 'mil-tf[cluster]'" in capsys.readouterr().err
