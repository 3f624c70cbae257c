"""Runs on several devices and in several processes, all real: logical CPU devices, and workers on the loopback address.

Workers fork from processes that have imported TensorFlow once, one for each place in the cluster.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train
from mil_tf.training import strategy

ROOT = Path(train.__file__).parent
NAME = Path("remedios2020", "bags-14", "fold-0", "seed-0")
PLAIN = ("max_epochs=2", "image_every=0", "norm=none", "dropout=0.0")
FULL = ("max_epochs=2", "image_every=0", "scoring=exact")  # all that holds state is on; the search holds none

# Lives of one worker: {"arguments", "environment", "death": [step, signal] or null, "log"} a line of its input. A third
# part of a death is a file with the process that it kills first, which thus cannot notice.
PLACE = """
import json, os, signal, sys
import tensorflow
import train
from mil_tf.training import loop

def dying(function, count, name, fellow=None):
    left = [count]
    def patched(*args, **kwargs):
        result = function(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            if fellow:
                os.kill(int(open(fellow).read()), getattr(signal, name))
            os.kill(os.getpid(), getattr(signal, name))
        return result
    return patched

for line in sys.stdin:
    life = json.loads(line)
    child = os.fork()
    if not child:
        for descriptor, name in enumerate((os.devnull, life["log"], life["log"])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), descriptor)
        os.environ.update(life["environment"])
        if life["death"]:
            loop.Loop._step = dying(loop.Loop._step, *life["death"])
        code = train.main(life["arguments"])
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

# Trains once with so many logical devices and SIGTERM after a step, if any: "<devices> <step> <arguments>".
DEVICES = """
import os, signal, sys
import tensorflow as tf
count, last = int(sys.argv.pop(1)), int(sys.argv.pop(1))
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * count
)
import train
from mil_tf.training import loop

def step(self, state, window, original=loop.Loop._step):
    original(self, state, window)
    if state.step == last:
        os.kill(os.getpid(), signal.SIGTERM)

loop.Loop._step = step
sys.exit(train.main(sys.argv[1:]))
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def cluster():
    """TF_CONFIG of two workers on free ports."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    return [json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}}) for i in range(2)]


class Places:
    """The two places of a cluster, in each one life at a time."""

    def __init__(self, folder):
        self._folder, self._count = folder, 0
        self._all = [
            subprocess.Popen(
                [sys.executable, "-c", PLACE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            ) for _ in range(2)
        ]

    def live(self, arguments, deaths=(None, None), kill_rest=False, second=()):
        """Returns ([exit code], [what it printed]) of both workers; `second`: more arguments of the second one."""
        self._count += 1
        logs = [self._folder / f"life-{self._count}-worker-{i}.txt" for i in range(2)]
        given = (arguments, [*arguments, *second])
        fellow = self._folder / f"life-{self._count}-fellow.txt"
        if kill_rest:
            deaths = (deaths[0], [*deaths[1], str(fellow)])
        for place, own, config, death, log in zip(self._all, given, cluster(), deaths, logs):
            life = {"arguments": own, "environment": {"TF_CONFIG": config}, "death": death, "log": str(log)}
            print(json.dumps(life), file=place.stdin, flush=True)
        children = [int(place.stdout.readline()) for place in self._all]
        fellow.write_text(str(children[0]))
        codes = [int(place.stdout.readline()) for place in self._all]
        return codes, [log.read_text() for log in logs]

    def close(self):
        for place in self._all:
            place.stdin.close()
            place.wait()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    found = Places(tmp_path_factory.mktemp("logs"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def undisturbed(places, tiny_data, tiny_arguments, tmp_path_factory):
    """A run of two workers with everything on that holds state: batch norm, dropout, augmentation, schedule."""
    out = tmp_path_factory.mktemp("undisturbed")
    codes, said = places.live(tiny_arguments(tiny_data, out, *FULL, "--strategy", "multiworker"))
    assert codes == [0, 0], said
    return out / NAME


@pytest.fixture(scope="module")
def alone(tiny_data, tiny_arguments, tmp_path_factory):
    """The run on one device that those without batch norm and dropout must equal."""
    out = tmp_path_factory.mktemp("alone")
    assert train.main(tiny_arguments(tiny_data, out, *PLAIN)) == 0
    return out / NAME


def weights(run):
    import h5py

    found = {}
    with h5py.File(run / "checkpoints" / "best.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "dtype") else None)
    return found


def assert_same_run(run, expected):
    """Weights within float32 rounding, and so is every figure of every table."""
    ours, theirs = weights(run), weights(expected)
    assert list(ours) == list(theirs) and ours
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-5, err_msg=name)
    for table in ("history", "predictions-validation", "predictions-test", "instances-test"):
        rows, wanted = ((each / f"{table}.csv").read_text().split() for each in (run, expected))
        assert len(rows) == len(wanted) and len(rows) > 1
        for row, want in zip(rows, wanted):
            for cell, value in zip(row.split(","), want.split(","), strict=True):
                assert cell == value or float(cell) == pytest.approx(float(value), rel=1e-4), table


def on_devices(devices, last, arguments):
    command = [sys.executable, "-c", DEVICES, str(devices), str(last), *arguments, "--strategy", "mirrored"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.slow
def test_two_devices_equal_one(tiny_data, tiny_arguments, tmp_path, alone):
    done = on_devices(2, 0, tiny_arguments(tiny_data, tmp_path, *PLAIN))
    assert done.returncode == 0, done.stderr
    assert "--strategy mirrored: replicas 0, 1 of 2 are here\n" in done.stdout
    assert_same_run(tmp_path / NAME, alone)
    assert json.loads((tmp_path / NAME / "config.json").read_text())["replicas"] == 2


@pytest.mark.long
@pytest.mark.slow
def test_a_run_begun_on_three_devices_goes_on_with_one(tiny_data, tiny_arguments, tmp_path, alone):
    arguments = tiny_arguments(tiny_data, tmp_path, *PLAIN)
    done = on_devices(3, 3, arguments)
    assert done.returncode == 130, done.stderr
    assert "stopped in epoch 1 after step 3; a checkpoint was written; go on with the same" in done.stderr
    assert train.main([*arguments, "--resume"]) == 0
    assert_same_run(tmp_path / NAME, alone)


@pytest.mark.long
@pytest.mark.slow
def test_two_tasks_of_a_slurm_step_equal_one_device(tiny_data, tiny_arguments, tmp_path, alone):
    arguments = tiny_arguments(tiny_data, tmp_path, *PLAIN, "--strategy", "multiworker")
    step = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "localhost",
            "SLURM_STEP_TASKS_PER_NODE": "2", "SLURMD_NODENAME": "localhost"}
    tasks = [
        subprocess.Popen(
            [sys.executable, "train.py", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=ROOT, env={**os.environ, **step, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)},
        ) for i in range(2)
    ]
    said = [task.communicate() for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    assert [shown.splitlines()[0] for shown, _ in said] == [
        f"--strategy multiworker: replicas {i} of 2 are here" for i in range(2)
    ]
    assert "epoch   1  train loss" in said[0][0] and "epoch" not in said[1][0]  # the chief alone tells and writes
    assert_same_run(tmp_path / NAME, alone)


@pytest.mark.long
@pytest.mark.slow
def test_a_worker_that_is_killed_and_started_again_ends_as_one_that_never_was(
    places, undisturbed, tiny_data, tiny_arguments, tmp_path, bits
):
    arguments = tiny_arguments(tiny_data, tmp_path, *FULL, "--strategy", "multiworker", "--resume")
    codes, said = places.live(arguments, (None, [4, "SIGKILL"]), kill_rest=True)  # 3 steps an epoch
    assert codes == [-9, -9], said
    codes, said = places.live(arguments)
    assert codes == [0, 0], said
    assert bits(tmp_path / NAME) == bits(undisturbed)


@pytest.mark.long
@pytest.mark.slow
def test_when_one_worker_is_asked_to_stop_all_do_with_one_checkpoint(
    places, undisturbed, tiny_data, tiny_arguments, tmp_path, bits
):
    arguments = tiny_arguments(tiny_data, tmp_path, *FULL, "--strategy", "multiworker", "--resume")
    codes, said = places.live(arguments, (None, [1, "SIGTERM"]))
    assert codes == [130, 130], said
    for each in said:  # the wish comes after the first step's sum, and goes with the second's
        assert "train.py: stopped in epoch 0 after step 2; a checkpoint was written; go on with" in each
    codes, said = places.live(arguments)
    assert codes == [0, 0], said
    assert bits(tmp_path / NAME) == bits(undisturbed)


@pytest.mark.long
@pytest.mark.slow
def test_the_others_notice_a_worker_that_is_gone(places, tiny_data, tiny_arguments, tmp_path):
    arguments = tiny_arguments(tiny_data, tmp_path, *FULL, "--strategy", "multiworker")
    codes, said = places.live(arguments, (None, [1, "SIGKILL"]))
    assert codes == [1, -9], said
    assert said[0].splitlines()[-1] == (
        "train.py: another worker was lost; start all workers again with the same command and --resume"
    )


@pytest.mark.slow
def test_what_one_worker_refuses_all_leave(places, undisturbed, tiny_data, tiny_arguments):
    codes, said = places.live(
        tiny_arguments(tiny_data, undisturbed.parents[3], *FULL, "--strategy", "multiworker")
    )
    assert codes == [2, 1], said
    assert "holds a run already; go on with --resume" in said[0]
    assert said[1].splitlines()[-1] == "train.py: stopped, because another worker has failed: see what it says"


@pytest.mark.slow
def test_workers_that_were_told_different_things_do_not_start(places, tiny_data, tiny_arguments, tmp_path):
    arguments = tiny_arguments(tiny_data, tmp_path, *FULL, "--strategy", "multiworker")
    codes, said = places.live(arguments, second=("--set", "window=6"))
    assert codes == [2, 2], said
    for each in said:
        assert each.splitlines()[-1] == (
            "train.py: --strategy: Expected the same command, data and initial weights on every worker. "
            "Received: different ones."
        )
    assert not (tmp_path / NAME).exists()


def test_one_device_is_alone():
    assert strategy.build("mirrored") is None


def test_without_a_cluster_it_is_one_line(train_tiny, monkeypatch, tmp_path):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    code, _, said = train_tiny("--strategy", "multiworker")
    assert code == 2 and said == (
        "train.py: --strategy multiworker: Expected TF_CONFIG in the environment, or a SLURM step (srun). "
        "Received: neither.\n"
    )
    assert not (tmp_path / "runs").exists()


def test_an_unknown_strategy_is_one_line(train_tiny):
    code, _, said = train_tiny("--strategy", "mirored")
    assert code == 2 and said == "train.py: --strategy: Expected one of mirrored, multiworker. Received: 'mirored'.\n"


@pytest.mark.parametrize(
    "text", [
        "{", "[]", "{}", '{"cluster": {"worker": ["a:1"]}}', '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
def test_a_cluster_that_cannot_be_is_one_line(text):
    with pytest.raises(strategy.StrategyError, match="TF_CONFIG: Expected .*Received: ") as raised:
        strategy.tf_config(text)
    assert "\n" not in str(raised.value)


def test_a_cluster_is_read(monkeypatch):
    found, kind, index = strategy.tf_config(
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": "1"}}'
    )
    assert found.as_dict() == {"chief": ["a:1"], "worker": ["b:1", "c:1"]} and (kind, index) == ("worker", 1)


def step(monkeypatch, rank, nodes="n[01-02]", node=None):
    given = {"SLURM_JOB_ID": "1251", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NODELIST": nodes, "SLURM_PROCID": rank,
             "SLURM_STEP_TASKS_PER_NODE": "2(x2)", **({"SLURMD_NODENAME": node} if node else {})}
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))
    return strategy.slurm(os.environ)


@pytest.mark.parametrize("rank, node", [(0, "n01"), (3, "n02"), (3, None)])
def test_a_slurm_step_is_read(monkeypatch, rank, node):
    found, kind, index = step(monkeypatch, rank, node=node)
    assert (kind, index) == ("worker", rank)  # job 1251 comes back to the second place of 1250
    assert found.as_dict() == {"worker": ["n01:10016", "n01:10017", "n02:10016", "n02:10017"]}


def test_nodes_that_the_resolver_confuses_are_refused(monkeypatch):
    with pytest.raises(strategy.StrategyError, match="alphabetical order. Received: task 0 on n9 and not on n10; "):
        step(monkeypatch, 0, "n[9-10]", "n9")


@pytest.mark.parametrize(
    "gpus, environ, expected", [
        (8, {"SLURM_LOCALID": "1"}, [1, 3, 5, 7]), (2, {"SLURM_LOCALID": "0"}, [0]),
        (1, {"SLURM_LOCALID": "1"}, None), (4, {"SLURM_LOCALID": "1", "SLURM_GPUS_PER_TASK": "4"}, None),
    ],
)
def test_tasks_of_a_node_divide_what_slurm_has_not(monkeypatch, gpus, environ, expected):
    seen = [None]
    monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: list(range(gpus)))
    monkeypatch.setattr(strategy.tf.config, "set_visible_devices", lambda found, kind: seen.append(found))
    strategy._take_gpus("b:2", ["a:1", "a:2", "b:1", "b:2"], environ)
    assert seen[-1] == expected
