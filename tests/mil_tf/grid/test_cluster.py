"""Runs on the workers of a Dask cluster of two, all real but for what a test says."""

import logging
import os
import re
import signal
import threading
import time
from pathlib import Path

import distributed
import pytest

from mil_tf.grid import cluster
from mil_tf.grid.cluster import Cluster, ClusterError
from mil_tf.training import lock, progress
from preprocessing.cluster import connected
from tests.mil_tf.grid.conftest import LONG

RECIPE = "remedios2020"


@pytest.fixture
def local():
    """A cluster of two workers, of two threads each, of which a run takes one."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address=None, silence_logs=logging.CRITICAL
    ) as made:
        yield made


def folders(out):
    return [Path(out) / RECIPE / f"bags-{bags}" / "fold-0" / "seed-0" for bags in (4, 14)]


@pytest.mark.long
@pytest.mark.slow
def test_a_cluster_whose_worker_is_killed_trains_the_bits_of_this_machine(
    local, train_tiny, undisturbed, bits, tmp_path
):
    here, there = folders(undisturbed), folders(tmp_path / "there")
    killed, workers = [], [nanny.pid for nanny in local.workers.values()]

    def kill():
        """The worker whose child trains the larger run, in the middle of it."""
        while progress.read(there[1]).epochs < 2 or not lock.holder(there[1]):
            time.sleep(0.02)
        parent = Path(f"/proc/{lock.holder(there[1]).process}/stat").read_text().rpartition(")")[2].split()[1]
        killed.append((int(parent), lock.holder(there[1]).process))
        os.kill(killed[0][0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    code, shown, said = train_tiny(*LONG, "--scheduler", local.scheduler_address, out=tmp_path / "there")
    killer.join()
    assert code == 0, said
    assert killed[0][0] in workers
    assert "2 runs: 2 running; " in shown and "2 runs: 2 done\n" in shown
    assert [bits(run) for run in there] == [bits(run) for run in here]
    with pytest.raises(ProcessLookupError):
        os.kill(killed[0][1], 0)


@pytest.fixture
def client(local):
    with connected(local.scheduler_address) as found:
        found.wait_for_workers(2, timeout=30)
        yield found


def ended(pool):
    """What the pool tells of, when it does."""
    while not (found := pool.ended()):
        time.sleep(0.02)
    return found


def test_workers_take_one_run_each_and_are_told_to_stop(client, tmp_path):
    (tmp_path / "grid.csv").touch()
    pool = Cluster(client, tmp_path / "grid.csv")
    assert pool.places == pool.free() == 2
    pool.start("a", {"no": "job"})
    pool.start("b", {"no": "job"})
    assert pool.free() == 0 and len(set(pool.running().values())) == 2
    pool.stop()
    found = ended(pool)
    while len(found) < 2:
        found += ended(pool)
    assert sorted(folder for folder, _ in found) == ["a", "b"] and pool.free() == 2
    # Each was stopped, or had already found out that its task is none.
    assert all(became == "stopped" or "KeyError" in why for _, (became, why) in found)


@pytest.mark.parametrize("fault", ["versions", "folder"])
def test_a_worker_that_cannot_do_the_same_is_refused(client, tmp_path, monkeypatch, fault):
    if fault == "versions":
        monkeypatch.setattr(cluster, "versions", lambda: {**dict.fromkeys(cluster.LIBRARIES, "9.9"), "mil-tf": "9.9"})
        (tmp_path / "grid.csv").touch()
    pool = Cluster(client, tmp_path / "grid.csv")
    pool.start("a", {})
    [(_, (became, why))] = ended(pool)
    expected = "has mil-tf .*, this machine 9.9; install the same" if fault == "versions" else "does not see .*/grid.csv; give"
    assert became == "refused" and re.search(f"--scheduler: a worker on .* {expected}", why)


def test_a_scheduler_that_ends_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("preprocessing.cluster.CONNECT_S", 1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, host="tcp://127.0.0.1", dashboard_address=":0"
    ) as made, connected(made.scheduler_address) as client:
        pool = Cluster(client, tmp_path)
        made.close()
        with pytest.raises(ClusterError, match="the scheduler at tcp://.* is gone; the same command goes on"):
            pool.ended()
        pool.kill()


def test_without_workers_a_line_says_how_to_start_one(monkeypatch, tmp_path, capsys):
    with distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as made:
        with connected(made.scheduler_address) as client:
            pool = Cluster(client, tmp_path)
            pool.ended()
            assert pool.free() == 0 and pool.places == 1
    assert capsys.readouterr().err.count("waiting for workers; one starts with: dask worker tcp://") == 1
