"""Every command prints its help at once: without the libraries that take seconds to load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import train

ROOT = Path(train.__file__).parent
HEAVY = ("tensorflow", "keras", "matplotlib", "scipy", "skimage", "nibabel", "SimpleITK", "sklearn", "distributed", "flask")
COMMANDS = [
    "train.py", "evaluate.py", "-m mil_tf.predict", "-m mil_tf.released", "-m mil_tf.demo", "-m mil_tf.review",
    "-m preprocessing", "-m preprocessing ct", "-m preprocessing slides", "-m preprocessing cohort", "-m preprocessing qc", "-m preprocessing split",
    "-m preprocessing phantoms", "-m preprocessing phantoms ct", "-m preprocessing phantoms sheet",
    "-m preprocessing phantoms slides", "-m preprocessing phantoms slide-sheet",
    "-m tfrecords", "-m tfrecords inspect", "-m tfrecords verify",
]

# Runs a command as `python` would and tells afterwards which of the heavy libraries it has loaded.
RUN = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
args = sys.argv[1:]
run = runpy.run_module if args.pop(0) == "-m" else runpy.run_path
sys.argv = args
code = None
try:
    run(args[0], run_name="__main__")
except SystemExit as stop:
    code = stop.code
print("code", code or 0)
print("loaded", sorted(set({HEAVY!r}) & set(sys.modules)))
"""


def run(command):
    words = command.split()
    words = words if words[0] == "-m" else ["", str(ROOT / words[0]), *words[1:]]
    return subprocess.run([sys.executable, "-c", RUN, *words, "--help"], capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there_and_loads_nothing_heavy(command):
    done = run(command)
    *shown, code, loaded = done.stdout.splitlines()
    assert (code, loaded) == ("code 0", "loaded []"), done.stderr
    assert len(" ".join(shown)) > 100
    assert done.stderr == ""


def test_the_check_sees_what_a_command_loads():
    code = RUN.replace("import runpy, sys", "import runpy, sys, scipy")
    words = ["", str(ROOT / "train.py"), "--help"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "loaded ['scipy']"


def test_a_prediction_that_is_refused_has_loaded_no_more_than_what_reads_scans(tmp_path):
    words = ["-m", "mil_tf.predict", str(tmp_path / "scan.nii"), "--model", str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, cwd=ROOT)
    assert "Expected a folder with mil_tf.json" in done.stderr
    code, loaded = done.stdout.splitlines()[-2:]
    assert code == "code 2" and set(ast.literal_eval(loaded.removeprefix("loaded "))) <= {"nibabel", "scipy"}
