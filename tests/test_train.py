"""train.py as a command: its words, and its exit codes as a shell sees them."""

import subprocess
import sys
from pathlib import Path

import train

ROOT = Path(train.__file__).parent


def run(*args):
    return subprocess.run([sys.executable, "train.py", *args], capture_output=True, text=True, cwd=ROOT)


def test_help_is_the_modules_docstring_and_names_every_argument():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert train.__doc__.strip() in done.stdout
    for name in ("recipe", "variant", "bags", "fold", "folds", "seed", "seeds", "data", "out", "resume", "set", "quick"):
        assert f"--{name}" in done.stdout


def test_what_cannot_be_is_one_line_and_code_2(tmp_path):
    done = run("--data", str(tmp_path), "--set", "learning_rat=3")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("train.py: --set learning_rat: no such option; did you mean 'learning_rate'?")
    assert done.stderr.count("\n") == 1


def test_arguments_are_read_without_running_anything():
    given = train.arguments().parse_args(["--bags", "50", "100", "--set", "a=1", "b=2", "--set", "c=3", "--folds", "5"])
    assert given.bags == [50, 100] and given.set == ["a=1", "b=2", "c=3"] and given.folds == 5
    assert given.recipe == "remedios2020" and given.variant == "default" and not given.resume
    assert train.arguments().parse_args([]).set == []  # one call leaves nothing to the next
