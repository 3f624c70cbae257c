"""One process a run. Processes that die here are real ones, and so are those that race."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mil_tf.training import lock

# Takes a folder's lock, says so, and holds it: "<folder> <seconds between heartbeats>".
HOLD = """
import sys, time
from mil_tf.training import lock
lock.BEAT_S = float(sys.argv[2])
with lock.taken(sys.argv[1]):
    print("taken", flush=True)
    time.sleep(600)
"""

# Takes a folder's lock so many times: "<folder> <times>". Where two are inside at a time, one of them fails.
HAND_ON = """
import os, sys
from mil_tf.training import lock
inside, left = os.path.join(sys.argv[1], "inside"), int(sys.argv[2])
while left:
    try:
        with lock.taken(sys.argv[1]):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            os.unlink(inside)
            left -= 1
    except lock.HeldError:
        pass
"""


@pytest.fixture
def other(tmp_path):
    """other(beat=30) -> a process that holds the lock of tmp_path."""
    found = []

    def start(beat=30):
        command = [sys.executable, "-c", HOLD, str(tmp_path), str(beat)]
        found.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        assert found[-1].stdout.readline() == "taken\n"
        return found[-1]

    yield start
    for process in found:
        process.kill()
        process.communicate()


@pytest.fixture
def far(monkeypatch):
    """Whoever holds a lock is on another machine."""
    real = lock.machine
    return lambda: monkeypatch.setattr(lock, "machine", lambda: f"another than {real()}")


def test_a_run_is_held_by_one(tmp_path):
    assert lock.holder(tmp_path) is None
    with lock.taken(tmp_path):
        held = lock.holder(tmp_path)
        assert held.process == os.getpid() and held.certain
        with pytest.raises(lock.HeldError, match=f"is being trained by process {os.getpid()} on .*; wait for it, or choose"):
            with lock.taken(tmp_path):
                pass
    assert lock.holder(tmp_path) is None
    with lock.taken(tmp_path):
        assert lock.holder(tmp_path).process == os.getpid()


def test_two_locks_are_kept_and_none_in_a_run_that_is_finished(tmp_path):
    for _ in range(5):
        with lock.taken(tmp_path):
            pass
    assert lock.locks(tmp_path) == ["lock-4", "lock-5"]
    with lock.taken(tmp_path):
        (tmp_path / "export").mkdir()
        (tmp_path / "export" / "mil_tf.json").write_text("{}")
    assert lock.locks(tmp_path) == []


def test_numbers_are_sorted_as_numbers(tmp_path):
    for number in (9, 10):
        (tmp_path / f"lock-{number}").write_text(lock.RELEASED)
    (tmp_path / "lock-x").touch()
    with lock.taken(tmp_path):
        assert lock.locks(tmp_path) == ["lock-10", "lock-11"]


def test_a_released_run_is_free_to_other_machines_at_once(tmp_path, far):
    with lock.taken(tmp_path):
        pass
    far()
    with lock.taken(tmp_path):
        pass


def test_an_error_lets_go(tmp_path):
    with pytest.raises(KeyboardInterrupt), lock.taken(tmp_path):
        raise KeyboardInterrupt
    with lock.taken(tmp_path):
        pass


def test_a_folder_that_is_not_there_is_held_by_nobody(tmp_path):
    assert lock.holder(tmp_path / "none") is None


def test_a_process_that_was_killed_holds_nothing(tmp_path, other):
    process = other()
    assert lock.holder(tmp_path).process == process.pid
    process.kill()
    process.wait()
    assert lock.holder(tmp_path) is None
    with lock.taken(tmp_path):
        assert lock.locks(tmp_path)[-1] == "lock-2"


def test_a_machine_without_a_heartbeat_is_dead_and_one_with_is_not(tmp_path, other, far):
    process = other()
    process.kill()
    process.wait()
    far()
    held = lock.holder(tmp_path)
    assert held.process == process.pid and not held.certain
    with pytest.raises(lock.HeldError):
        with lock.taken(tmp_path):
            pass
    old = held.beat - lock.STALE_S
    os.utime(held.path, (old, old))
    assert lock.holder(tmp_path) is None
    with lock.taken(tmp_path):
        assert lock.locks(tmp_path)[-1] == "lock-2"


def test_without_flocks_the_heartbeat_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with lock.taken(tmp_path):
        assert not lock.holder(tmp_path).certain
        os.utime(tmp_path / "lock-1", (0, 0))
        assert lock.holder(tmp_path) is None


def test_a_lock_that_its_owner_has_not_signed_yet_is_held(tmp_path):
    (tmp_path / "lock-1").touch()
    assert lock.holder(tmp_path) is not None


def test_the_heart_beats(tmp_path, other):
    other(beat=0.01)
    os.utime(tmp_path / "lock-1", (0, 0))
    while lock.holder(tmp_path).beat < 1:
        time.sleep(0.01)


def test_a_holder_that_was_followed_ends_at_once(tmp_path, other):
    process = other(beat=0.01)
    os.kill(process.pid, signal.SIGSTOP)
    (tmp_path / "lock-2").touch()
    os.kill(process.pid, signal.SIGCONT)
    _, said = process.communicate()
    assert process.returncode == lock.LOST
    assert said == f"{tmp_path}: another process has taken this run, or removed it; stopped at once\n"


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_that_race_one_alone_has_it(tmp_path, dead):
    racers, won = 8, []
    for turn in range(10):
        folder = tmp_path / str(turn)
        folder.mkdir()
        if dead:
            (folder / "lock-7").touch()
            os.utime(folder / "lock-7", (0, 0))
        start, tried = threading.Barrier(racers), threading.Barrier(racers)

        def race(folder=folder, start=start, tried=tried):
            start.wait()
            try:
                with lock.taken(folder):
                    won.append(folder)
                    tried.wait()
            except lock.HeldError:
                tried.wait()

        threads = [threading.Thread(target=race) for _ in range(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert won == [tmp_path / str(turn) for turn in range(10)]


def test_processes_hand_a_run_on_and_never_share_it(tmp_path):
    command = [sys.executable, "-c", HAND_ON, str(tmp_path), "20"]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [racer.communicate()[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], said
