"""Sittings of a grid with a pool that trains nothing: what is started, again or not, and what ends a sitting."""

import csv
import os
import signal

import pytest

from mil_tf.grid import child, runner
from mil_tf.grid.rows import DONE, ELSEWHERE, FAILED, LEFT
from mil_tf.grid.runner import RefusedError, Sitting
from mil_tf.training import lock, progress


class Pool:
    """Runs that take a look each; what becomes of one is what `fates` says, else it is done."""

    def __init__(self, finish, runs, places=1, **fates):
        self.places, self._finish, self._runs = places, finish, {run.folder: run for run in runs}
        self._fates, self._running = {name: list(found) for name, found in fates.items()}, []
        self.started, self.most, self.stopped, self.killed = [], 0, 0, 0

    def free(self):
        return self.places - len(self._running)

    def start(self, folder, task):
        assert task == self._runs[folder].name
        self._running.append(folder)
        self.started.append(folder)
        self.most = max(self.most, len(self._running))

    def running(self):
        return dict.fromkeys(self._running, "here")

    def ended(self):
        found, self._running = [(folder, self._fate(folder)) for folder in self._running], []
        return found

    def _fate(self, folder):
        fates = self._fates.get(f"fold{self._runs[folder].job.fold}")
        if fates:
            return fates.pop(0)
        self._finish(self._runs[folder], epochs=3)
        return child.DONE, ""

    def stop(self):
        self.stopped += 1

    def kill(self):
        self.killed += 1


class Silent:
    """A screen that shows nothing."""

    def update(self, *given):
        pass

    apart = close = update


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(runner, "TICK_S", 0.001)


@pytest.fixture
def sit(finish, tmp_path):
    """sit(runs, everything=None, screen=None, **of the pool) -> (Outcome, pool)."""

    def run(runs, everything=None, screen=None, **given):
        by_job = {id(each.job): each.name for each in runs}
        pool = Pool(finish, runs, **given)
        file = tmp_path / "grid.csv"
        run.pools.append(pool)
        sitting = Sitting(runs, pool, lambda job: by_job[id(job)], screen or Silent(), file, everything or runs)
        return sitting.run(), pool

    run.pools = []
    return run


@pytest.fixture
def runs(make_run):
    return [make_run(fold=fold) for fold in range(4)]


def states(outcome):
    return [row.state for row in outcome.rows]


@pytest.mark.parametrize("places", [1, 2, 9])
def test_each_run_is_trained_once_in_order_at_as_many_places_as_there_are(sit, runs, places):
    outcome, pool = sit(runs, places=places)
    assert states(outcome) == [DONE] * 4 and not outcome.stopped
    assert pool.started == [run.folder for run in runs] and pool.most == min(places, 4)


def test_what_is_done_is_not_started(sit, runs, finish):
    finish(runs[1]), finish(runs[3])
    outcome, pool = sit(runs)
    assert pool.started == [runs[0].folder, runs[2].folder] and states(outcome) == [DONE] * 4


def test_a_run_that_fails_is_noted_and_does_not_stop_the_others(sit, runs, begin):
    begin(runs[1], epochs=2)
    outcome, pool = sit(runs, fold1=[(child.FAILED, f"{runs[1].folder}: the loss is not finite")])
    assert states(outcome) == [DONE, FAILED, DONE, DONE] and len(pool.started) == 4
    assert progress.read(runs[1].folder).failed == outcome.rows[1].why == "the loss is not finite"


def test_the_next_sitting_tries_a_failed_run_again(sit, runs, begin):
    begin(runs[1], failed="the loss is not finite")
    outcome, _ = sit(runs)
    assert states(outcome) == [DONE] * 4


def test_what_no_run_could_do_stops_all(sit, runs):
    with pytest.raises(RefusedError, match="no such optimizer"):
        sit(runs, fold0=[(child.REFUSED, "no such optimizer")])
    assert not any(run.folder.exists() for run in runs)


def test_a_run_whose_worker_is_lost_is_started_again(sit, runs):
    outcome, pool = sit(runs, fold1=[(child.LOST, "worker gone")] * (runner.LIVES - 1))
    assert states(outcome) == [DONE] * 4 and pool.started.count(runs[1].folder) == runner.LIVES


def test_but_not_for_ever(sit, runs):
    outcome, pool = sit(runs, fold1=[(child.LOST, "worker gone")] * 99)
    assert states(outcome) == [DONE, FAILED, DONE, DONE] and pool.started.count(runs[1].folder) == runner.LIVES
    assert outcome.rows[1].why == f"worker gone, {runner.LIVES} times"


def test_a_run_that_another_process_trains_is_left_to_it(sit, runs, begin):
    begin(runs[2])
    with lock.taken(runs[2].folder):
        outcome, pool = sit(runs)
    assert states(outcome) == [DONE, DONE, ELSEWHERE, DONE] and runs[2].folder not in pool.started


def test_one_that_was_faster_does_not_make_a_run_fail(sit, runs):
    outcome, pool = sit(runs, fold2=[(child.HELD, "")] * 99)
    assert states(outcome) == [DONE, DONE, LEFT, DONE] and pool.started.count(runs[2].folder) == runner.LIVES


@pytest.fixture
def doubtful(runs, begin, monkeypatch):
    """The lock of the first run, which a process on another machine left or still holds."""
    begin(runs[0])
    monkeypatch.setattr(lock, "machine", lambda: "here")
    path = runs[0].folder / "lock-1"
    path.write_text('{"host": "node9", "process": 7, "machine": "there", "flock": true}')
    return path


class Events(Silent):
    """A screen that does something when it is shown rows: functions, one a time."""

    def __init__(self, *events):
        self._events = list(events)

    def update(self, *given):
        if self._events:
            self._events.pop(0)()


def nothing():
    pass


def test_a_holder_far_away_is_watched_until_it_is_dead(sit, runs, doubtful):
    dies = Events(*[nothing] * 9, lambda: os.utime(doubtful, (0, 0)))
    outcome, pool = sit(runs, screen=dies)
    assert states(outcome) == [DONE] * 4 and pool.started[-1] == runs[0].folder


def test_or_until_its_heart_beats(sit, runs, doubtful):
    beat = doubtful.stat().st_mtime + 30
    outcome, pool = sit(runs, screen=Events(*[nothing] * 9, lambda: os.utime(doubtful, (beat, beat))))
    assert states(outcome) == [ELSEWHERE, DONE, DONE, DONE] and len(pool.started) == 3


def test_a_share_starts_its_own_and_the_file_has_all(sit, runs, tmp_path):
    outcome, pool = sit(runs[1:3], everything=runs)
    assert pool.started == [run.folder for run in runs[1:3]] and states(outcome) == [DONE, DONE]
    with open(tmp_path / "grid.csv", newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == [LEFT, DONE, DONE, LEFT]


def test_an_empty_share_has_nothing_to_do(sit, runs):
    outcome, pool = sit([], everything=runs)
    assert outcome.rows == [] and not pool.started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_what_runs_and_starts_no_more(sit, runs, number):
    outcome, pool = sit(
        runs, places=2, screen=Events(lambda: os.kill(os.getpid(), number)), fold0=[(child.STOPPED, "")] * 9,
        fold1=[(child.STOPPED, "")] * 9,
    )
    assert outcome.stopped and states(outcome) == [LEFT] * 4
    assert pool.started == [run.folder for run in runs[:2]] and pool.stopped == 1


def test_a_second_one_kills(sit, runs):
    def impatient():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sit(runs, screen=Events(impatient))
    assert sit.pools[0].killed == 1


def test_nothing_outlives_a_sitting(sit, runs):
    assert sit(runs)[1].killed == 1
