"""A run that was killed goes on bit for bit; every life here is a process of its own, and every death a real one."""

import subprocess
import sys
from pathlib import Path

import pytest

import train

ROOT = Path(train.__file__).parent
NAME = Path("remedios2020", "bags-14", "fold-0", "seed-0")
# Imports TensorFlow once, then lives and dies in forked processes: "<where> <count> <signal>" a line of its input.
LIVES = """
import os, signal, sys
import tensorflow
import train
from mil_tf import runs
from mil_tf.training import loop, state

def dying(function, count, name):
    left = [count]
    def patched(*args, **kwargs):
        result = function(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), getattr(signal, name))
        return result
    return patched

PLACES = {
    "step": (loop.Loop, "_step"), "apply": (loop.Loop, "_apply_gradients"), "best": (state.BestWeights, "save"),
    "checkpoint": (tensorflow.train.Checkpoint, "_write"), "table": (runs, "write_table"), "never": (runs, "read_config"),
}

for line in sys.stdin:
    where, count, name = line.split()
    child = os.fork()
    if not child:
        owner, attribute = PLACES[where]
        setattr(owner, attribute, dying(getattr(owner, attribute), int(count), name))
        code = train.main(sys.argv[1:])
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print("LIFE", where, count, name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr, flush=True)
"""


@pytest.fixture
def live(tiny_data, tiny_arguments, tmp_path):
    """live(["step 2 SIGKILL", ...], *more) -> (exit codes, stderr); all lives on the same folder with --resume."""

    def run(lives, *more):
        arguments = tiny_arguments(tiny_data, tmp_path / "runs", "--resume", *more)
        done = subprocess.run(
            [sys.executable, "-c", LIVES, *arguments], input="\n".join(lives), capture_output=True, text=True, cwd=ROOT,
        )
        codes = [int(line.split()[-1]) for line in done.stderr.splitlines() if line.startswith("LIFE")]
        assert len(codes) == len(lives), done.stderr
        return codes, done.stderr

    return run


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_never_was(live, tiny_run, bits, tmp_path):
    # 14 bags in windows of 5: 3 steps an epoch, 4 epochs. A life goes on from the newest checkpoint.
    lives = [
        "step 2 SIGKILL",  # in the middle of the first epoch: nothing is left of it
        "step 5 SIGKILL",  # in the middle of the second
        "best 1 SIGKILL",  # at its end, after the best weights and before the checkpoint
        "checkpoint 2 SIGKILL",  # at the end of the third, just after its checkpoint
        "step 2 SIGKILL",  # in the middle of the last
        "table 3 SIGKILL",  # after training, with half of the tables
        "never 9 SIGKILL",
    ]
    codes, told = live(lives)
    assert codes == [-9] * 6 + [0], told
    assert bits(tmp_path / "runs" / NAME) == bits(tiny_run)


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_leaves_a_checkpoint_and_says_how_to_go_on(live, tiny_run, bits, tmp_path):
    lives = ["step 2 SIGTERM", "step 4 SIGINT", "table 2 SIGTERM", "never 9 SIGKILL"]
    codes, told = live(lives)
    assert codes == [130, 130, 130, 0], told
    said = [line for line in told.splitlines() if line.startswith("train.py:")]
    checkpoint = "a checkpoint was written; go on with the same command and --resume"
    assert said == [
        f"train.py: stopped in epoch 0 after step 2; {checkpoint}",
        f"train.py: stopped in epoch 1 after step 6; {checkpoint}",  # its fourth step: it went on at step 2
        "train.py: stopped at once; go on with the same command and --resume",
    ]
    assert bits(tmp_path / "runs" / NAME) == bits(tiny_run)


@pytest.mark.long
@pytest.mark.slow
def test_what_was_likeliest_survives_a_death(live, train_tiny, bits, tmp_path):
    options = ("warm_up=0", "rescore_top=2", "rescore_every=4")
    assert train_tiny(*options, out=tmp_path / "never")[0] == 0
    codes, told = live(["step 2 SIGKILL", "step 5 SIGTERM", "never 9 SIGKILL"], "--set", *options)
    assert codes == [-9, 130, 0], told
    assert bits(tmp_path / "runs" / NAME) == bits(tmp_path / "never" / NAME)
