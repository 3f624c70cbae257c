import os
import signal
import subprocess
import sys

from mil_tf.grid.process import ROOT, Child


def test_a_process_that_is_killed_is_a_run_that_failed():
    child = Child({})
    os.kill(child.process, signal.SIGKILL)
    assert child.result() == ("failed", "its process was killed by signal 9, perhaps for its memory")


def test_one_that_dies_of_itself_says_its_last_line():
    became, why = Child({"no": "job"}).result()
    assert became == "failed" and why.startswith("its process died: KeyError: ")


def test_one_that_was_told_to_stop_before_it_could_hear_has_stopped():
    for end in (Child.stop, Child.kill):
        child = Child({})
        end(child)
        assert child.result() == ("stopped", "")


def test_nothing_is_left_of_a_child_whose_parent_died():
    done = subprocess.run([sys.executable, "-m", "mil_tf.grid.child"], stdin=subprocess.DEVNULL, cwd=ROOT, timeout=60)
    assert done.returncode == 1
