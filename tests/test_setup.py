"""What the set-up files promise: versions, rooms, and errors that say what to do."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mil_tf

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def package():
    """What setup.py hands to setuptools."""
    setuptools = pytest.importorskip("setuptools")
    given = {}
    original, setuptools.setup = setuptools.setup, lambda **options: given.update(options)
    try:
        runpy.run_path(str(ROOT / "setup.py"))
    finally:
        setuptools.setup = original
    return given


def test_version_is_the_packages(package):
    assert package["version"] == mil_tf.__version__


def test_rooms_are_packaged_and_nothing_else(package, monkeypatch):
    rooms = {name.split(".")[0] for name in package["packages"]}
    assert rooms == {"mil_tf", "preprocessing", "tfrecords"}
    assert {"mil_tf.training", "mil_tf.evaluation", "preprocessing.phantoms"} <= set(package["packages"])
    assert package["py_modules"] == ["train", "evaluate"]


def test_what_is_no_code_is_packaged_too(package):
    given = package["package_data"]
    packaged = {file for name, patterns in given.items() for pattern in patterns
                for file in (ROOT / name.replace(".", "/")).glob(pattern)}
    files = [file for room in ("mil_tf", "preprocessing", "tfrecords") for file in (ROOT / room).rglob("*")]
    assert packaged and packaged == {file for file in files if file.is_file() and file.suffix not in (".py", ".pyc")}


def test_every_import_is_required(package):
    """No package is imported at run time that the install does not bring."""
    names = {"skimage": "scikit-image", "google_crc32c": "google-crc32c", "keras": "tensorflow", "PIL": "pillow",
             "tensorflow_addons": None, "openslide": "openslide-python", "distributed": None, "bayes_opt": None, "flask": None, "werkzeug": None}  # of extras, told about where missing
    required = {re.split("[><=]", text)[0] for text in package["install_requires"]}
    own = {"mil_tf", "preprocessing", "tfrecords", "train", "evaluate"}
    files = [ROOT / "train.py", ROOT / "evaluate.py"]
    files += [file for room in own for file in (ROOT / room).rglob("*.py")]
    for path in files:
        for name in _imported(path) - own - set(sys.stdlib_module_names):
            assert names.get(name, name) in {None, *required}, f"{path}: {name}"


def _imported(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_addons_extra_pins_what_belongs_together(package):
    assert package["extras_require"]["addons"][:2] == ["tensorflow==2.15.*", "tensorflow-addons==0.23.*"]
    assert set(package["extras_require"]) == {"addons", "cluster", "gpu", "review", "test", "tuning"}


@pytest.fixture
def make(tmp_path):
    """make(*args) -> the finished process, in a copy of what make needs."""
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    def run(*args):
        return subprocess.run([program, *args], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def _python(folder, body):
    path = folder / "another-python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


def test_make_without_python_says_which_one_to_install(make):
    done = make("test", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "make: no no-such-python found; install Python 3.10 to 3.13" in done.stderr


def test_make_with_another_python_says_so(make, tmp_path):
    old = _python(tmp_path, 'case "$1" in -V) echo Python 3.9.1 ;; *) exit 1 ;; esac')
    done = make("demo", old)
    assert done.returncode != 0
    assert "make: Expected Python 3.10 to 3.13. Received: Python 3.9.1; name another" in done.stderr


def test_make_without_ensurepip_says_what_to_install(make, tmp_path):
    bare = _python(tmp_path, 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = make("lint", bare)
    assert done.returncode != 0
    assert "cannot make environments with pip; install its venv package" in done.stderr
    assert not (tmp_path / ".venv").exists()


def _python_run(code, environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_tensorflow_is_imported_without_a_word():
    """And an error of its import would show: the descriptor is held back, not thrown away."""
    code = "import os; from tfrecords import quiet; quiet.tensorflow(); os.write(2, b'after')"
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = _python_run(code, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "after")


def test_what_is_no_notice_is_passed_on():
    code = ("import os; from tfrecords.quiet import _without_notices\n"
            "with _without_notices():\n"
            "    os.write(2, b'I0 oneDNN custom operations are on.\\nF0 out of memory\\n')\n"
            "    raise SystemExit(3)")
    done = _python_run(code, None)
    assert (done.returncode, done.stderr) == (3, "F0 out of memory\n")
