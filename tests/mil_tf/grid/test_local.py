import pytest

from mil_tf.grid import local
from mil_tf.grid.local import Local, environments, gpu_names


def test_one_process_has_all_cores_and_the_callers_threads():
    assert environments(None, [], {}) == [{}] and environments(1, [], {}) == [{}]


def test_cores_are_divided_by_the_number_of_processes(monkeypatch):
    monkeypatch.setattr(local, "available", lambda: 8)
    assert environments(3, [], {}) == [dict.fromkeys(local.THREADS, "2")] * 3
    assert environments(99, [], {})[0] == dict.fromkeys(local.THREADS, "1")


def test_what_the_caller_has_set_stays(monkeypatch):
    monkeypatch.setattr(local, "available", lambda: 8)
    [first, second] = environments(2, [], {"TF_NUM_INTRAOP_THREADS": "3"})
    assert first == second and "TF_NUM_INTRAOP_THREADS" not in first and first["OMP_NUM_THREADS"] == "4"


@pytest.mark.parametrize("jobs, expected", [(None, ["3", "5"]), (1, ["3"]), (3, ["3", "5", "3"])])
def test_each_process_sees_one_gpu(jobs, expected):
    assert environments(jobs, ["3", "5"], {}) == [{"CUDA_VISIBLE_DEVICES": name} for name in expected]


@pytest.mark.parametrize(
    "environ, tool, counted, expected", [
        ({}, None, 2, []), ({"CUDA_VISIBLE_DEVICES": ""}, "nvidia-smi", 2, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "nvidia-smi", 2, []), ({}, "nvidia-smi", 2, ["0", "1"]),
        ({"CUDA_VISIBLE_DEVICES": "3,5,7"}, None, 2, ["3", "5"]), ({}, "nvidia-smi", 0, []),
    ],
)
def test_gpus_are_those_that_tensorflow_counts(monkeypatch, environ, tool, counted, expected):
    monkeypatch.setattr(local.shutil, "which", lambda name: tool)
    monkeypatch.setattr(local, "COUNT", f"print('some notice'); print({counted})")
    assert gpu_names(environ) == expected


class Idle:
    """A process that has nothing to do until it is over."""

    def __init__(self, task, environment):
        self.task, self.environment, self.process, self.over, self.told = task, environment, 7, False, []

    def done(self):
        return self.over

    def stop(self):
        self.told.append("stop")

    def kill(self):
        self.told.append("kill")

    def result(self):
        return "done", self.task


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    found = []
    monkeypatch.setattr(local, "Child", lambda *given: found.append(Idle(*given)) or found[-1])
    return found


def test_a_place_is_taken_until_its_run_ends(started):
    pool = Local(environments(None, ["0", "1"], {}))
    pool.start("a", "task a")
    pool.start("b", "task b")
    assert pool.free() == 0 and pool.running() == {"a": "process 7, GPU 0", "b": "process 7, GPU 1"}
    assert pool.ended() == []
    started[0].over = True
    assert pool.ended() == [("a", ("done", "task a"))] and pool.ended() == [] and pool.free() == 1
    pool.start("c", "task c")
    assert started[2].environment == {"CUDA_VISIBLE_DEVICES": "0"}


def test_all_are_asked_to_stop_and_all_are_killed(started):
    pool = Local([{}, {}])
    pool.start("a", "")
    pool.start("b", "")
    pool.stop()
    pool.kill()
    assert [child.told for child in started] == [["stop", "kill"]] * 2 and pool.free() == 2
