"""The whole method on phantoms, step by step, each step the command that one would type.

    python -m mil_tf.demo        or: make demo

Makes phantom head CTs, preprocesses and splits them, checks the shards, trains from the labels of whole scans
alone, evaluates on held-out scans, and predicts one of them from its NIfTI file. Everything goes into ./demo,
which is made anew at every run.
"""

import argparse
import csv
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path("demo")
# Our decision: the sizes at which everything together takes minutes on two cores.
SCANS = 800
SIZE = 96
TRAINING = ["--quick"]
MADE = (HERE / "phantoms", HERE / "data", HERE / "runs", HERE / "answers")


class DemoError(ValueError):
    """The demonstration cannot run; the message is one line."""


def main(args=None):
    """Runs the demonstration; returns its exit code: 0, 2 where it cannot start, or the failed step's."""
    argparse.ArgumentParser(
        "python -m mil_tf.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(args)
    started = time.monotonic()
    try:
        prepare()
        run = demonstrate()
    except DemoError as error:
        print(f"python -m mil_tf.demo: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"the step above ended with exit code {error.returncode}", file=sys.stderr)
        return error.returncode if error.returncode > 0 else 1
    except KeyboardInterrupt:
        return 130
    print("\n" + "\n".join(summary(run)))
    print(f"report  {run / 'report.html'}\ntotal   {_clock(time.monotonic() - started)}")
    return 0


def prepare():
    """Removes what an earlier demonstration made. Raises DemoError outside the repository."""
    if not Path("train.py").exists():
        raise DemoError(f"Expected to run in the repository, beside train.py. Received: {Path.cwd()}.")
    for folder in MADE:
        if folder.exists():
            shutil.rmtree(folder)


def demonstrate():
    """Runs all steps; returns the run's folder. Raises CalledProcessError where one fails."""
    phantoms, data, runs, answers = map(str, MADE)
    truth = ["--masks", f"{phantoms}/masks", "--slice-labels", f"{phantoms}/slices.csv"]
    scans = ["--scans", f"{phantoms}/scans", "--labels", f"{phantoms}/labels.csv"]
    size = ["--size", str(SIZE)]
    step("-m", "preprocessing", "phantoms", "ct", "--n", str(SCANS), *size, "--out", phantoms)
    step("-m", "preprocessing", "ct", *scans, *truth, *size, "--out", data)
    step("-m", "preprocessing", "split", "--data", data)
    step("-m", "tfrecords", "verify", data)
    step("train.py", *TRAINING, "--data", data, "--out", runs)
    run = next(Path(runs).rglob("config.json")).parent
    step("evaluate.py", str(run))
    scan = f"{phantoms}/scans/{held_out_positive(run)}.nii.gz"
    step("-m", "mil_tf.predict", scan, "--model", str(run / "export"), "--out", answers)
    return run


def step(*args):
    """Prints a command and its time, and runs it. Raises CalledProcessError where it fails."""
    print(f"\n$ {shlex.join(['python', *args])}", flush=True)
    started = time.monotonic()
    subprocess.run([sys.executable, *args], check=True)
    print(f"[{_clock(time.monotonic() - started)}]", flush=True)


def held_out_positive(run):
    """The id of the first positive scan of the test set."""
    with open(run / "predictions-test.csv", newline="", encoding="utf-8") as file:
        return next(row["id"] for row in csv.DictReader(file) if row["y_true"] == "1")


def summary(run):
    """The lines of the answer: held-out metrics with their intervals, beside what position alone scores."""
    numbers = json.loads((run / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    test = numbers["cohorts"]["test"]
    yield "held-out phantoms, learned from bag labels alone      detector              position alone"
    yield f"  {'bag AP':50s}  {_estimate(test['ap'])}"
    for name, shown in (("pooled_auc", "slice AUC"), ("within_auc", "slice AUC within patients")):
        detector, prior = (_estimate(test["slices"][name][of]) for of in ("detector", "prior"))
        yield f"  {shown:50s}  {detector:20s}  {prior}"


def _estimate(found):
    if found["value"] is None:
        return found["note"]
    return f"{found['value']:.3f} ({found['low']:.3f}-{found['high']:.3f})"


def _clock(seconds):
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s" if seconds >= 60 else f"{seconds:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
