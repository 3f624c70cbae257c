"""How long a command makes one wait: the first answer of `python -m mil_tf.predict`, and every command's --help.

    predict   one phantom, all in fresh processes: the command, against a process that imports TensorFlow, loads the
              SavedModel and passes the prepared slices through it, which no command can do without. `quick` is a small
              network on 96x96, which leaves everything else nowhere to hide; `full` a ResNet-34 on 512x512
    help      --help of every command against an interpreter that does nothing, and whether TensorFlow was imported

    python benchmarks/startup.py --out docs/results/startup.csv      writes startup-predict.csv and startup-help.csv
"""

import argparse
import functools
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import fresh  # noqa: E402

PARTS = ("predict", "help")
MODELS = {"quick": 96, "full": 512}  # profile of the recipe -> pixels a side
COMMANDS = (
    "train.py", "evaluate.py", "-m mil_tf.predict", "-m mil_tf.demo", "-m preprocessing", "-m preprocessing ct",
    "-m preprocessing cohort", "-m preprocessing split", "-m preprocessing phantoms", "-m preprocessing phantoms ct",
    "-m preprocessing phantoms sheet", "-m tfrecords", "-m tfrecords inspect", "-m tfrecords verify",
)
# What answering needs at least, in a process of its own: argv is the model's folder and the prepared slices.
LEAST = """
import sys
from tfrecords import quiet
tf = quiet.tensorflow()
import numpy as np
from mil_tf.prediction.model import ExportedModel
model = ExportedModel(sys.argv[1])
model.load()
assert np.isfinite(model(np.load(sys.argv[2]))).all()
"""
IMPORT = "from tfrecords import quiet; quiet.tensorflow()"


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="of predict")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, help="CSV to write, one a part: its name with -PART before the ending")
    given = parser.parse_args(args)
    for part in given.parts:
        with tempfile.TemporaryDirectory() as folder:
            rows = {"predict": predict_rows, "help": help_rows}[part](given, Path(folder))
        fresh.report(rows, given.out and given.out.with_stem(f"{given.out.stem}-{part}"))
    return 0


def predict_rows(given, folder):
    """The rows of `predict`, the ratio to the least that can be."""
    rows = []
    for profile in given.models:
        place = folder / profile
        make(profile, place)
        runs = {
            "import TensorFlow": functools.partial(wall, ["-c", IMPORT]),
            "import, load, forward": functools.partial(wall, ["-c", LEAST, place / "export", place / "slices.npy"]),
            "mil_tf.predict": functools.partial(answered, place),
        }
        found = fresh.in_turn(runs, given.repetitions)
        least = found["import, load, forward"]
        rows += [
            fresh.row({"model": profile, "process": name}, each, {"ratio": ("seconds", least)})
            for name, each in found.items()
        ]
    return rows


def make(profile, folder):
    """Makes `scan.nii.gz`, `slices.npy`, what the preprocessing makes of it, and `export/`, an untrained model."""
    from mil_tf import runs
    from mil_tf.export import KEPT, export
    from mil_tf.models.build import build_scorer
    from mil_tf.options import resolve
    from mil_tf.recipes import remedios2020 as recipe
    from preprocessing.ct import load_bag
    from preprocessing.settings import CtSettings

    side, phantoms = MODELS[profile], folder / "phantoms"
    words = ["phantoms", "ct", "--n=1", f"--size={side}", "--prevalence=1", f"--out={phantoms}"]
    subprocess.run([sys.executable, "-m", "preprocessing", *words], cwd=ROOT, check=True, stdout=sys.stderr)
    shutil.copy(next((phantoms / "scans").iterdir()), folder / "scan.nii.gz")
    settings = CtSettings(size=side)
    np.save(folder / "slices.npy", load_bag(folder / "scan.nii.gz", settings, id="scan").instances)
    made = {"kind": "ct", "settings": settings.to_dict(), "hash": settings.hash()}
    runs.write_table(folder / "predictions-validation.csv", ("id", "patient", "y_true", "y_prob", "top_instance"), [
        ("a", "a", 0, 0.2, 0), ("b", "b", 1, 0.8, 0),
    ])
    model = build_scorer(resolve(recipe.OPTIONS, recipe.PROFILES[profile]), 0)
    export(folder, model, {**dict.fromkeys(KEPT), "preprocessing": made})


def answered(folder):
    """{"seconds"} of the command on the scan."""
    out = folder / "answers"
    shutil.rmtree(out, ignore_errors=True)
    found = wall(["-m", "mil_tf.predict", folder / "scan.nii.gz", "--model", folder / "export", "--out", out])
    if not (out / "scan.json").exists():
        raise RuntimeError("mil_tf.predict has written no answer")
    return found


def help_rows(given, folder):
    """The rows of `help`."""
    runs = {"(nothing)": functools.partial(wall, ["-c", "pass"])}
    runs |= {command: functools.partial(wall, [*command.split(), "--help"]) for command in COMMANDS}
    found = fresh.in_turn(runs, given.repetitions)
    loads = {name: "" if name == "(nothing)" else imports_tensorflow(name) for name in found}
    return [fresh.row({"command": name, "imports_tensorflow": loads[name]}, each) for name, each in found.items()]


def imports_tensorflow(command):
    """Whether `--help` of a command imports TensorFlow."""
    words = [sys.executable, "-X", "importtime", *command.split(), "--help"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return any(line.rpartition("|")[2].strip() == "tensorflow" for line in told.splitlines())


def wall(words):
    """{"seconds"} that a fresh interpreter takes with these words, from its start to its end."""
    began = time.monotonic()
    subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return {"seconds": time.monotonic() - began}


if __name__ == "__main__":
    sys.exit(main())
