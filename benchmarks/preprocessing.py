"""Scans a minute of the whole chain (read, align, extract the brain, crop, shuffle, write), and where the time goes.

Phantoms of 512x512x40 as .nii.gz files go through `preprocessing ct --brain native --align rigid` on one core and on
two, in turn; SimpleITK has one thread in both. The time of a job is that of its command without the start of Python and
TensorFlow, which is measured by a job of no scans to do. Then some scans are made step by step in this process.

    python benchmarks/preprocessing.py --out docs/results/preprocessing.csv
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SEED, SIZE, SLICES = 13, 512, 40
CORES = (1, 2)
# Step of the table -> the functions whose time it is, as they are called; inner ones are taken off the outer ones.
STEPS = {
    "read": ["preprocessing.sources.read"],
    "look at the head": ["preprocessing.alignment.apply.view"],
    "register": ["preprocessing.alignment.rigid.register"],
    "resample": ["preprocessing.alignment.apply._moved"],
    "extract the brain": ["preprocessing.brain.extract"],
    "mask on the scan": ["preprocessing.alignment.apply.on_scan"],
    "picture": ["preprocessing.qc.thumbnail.thumbnail"],
    "encode": ["tfrecords.example.encode"],
}
OTHER = "crop, shuffle and the rest"


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=8, help="phantoms (default: 8)")
    parser.add_argument("--repetitions", type=int, default=5, help="jobs on each number of cores (default: 5)")
    parser.add_argument("--steps-only", action="store_true", help="only where the time goes")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    with tempfile.TemporaryDirectory(prefix="mil-tf-preprocessing-") as folder:
        make_scans(Path(folder), given.scans)
        rows = [] if given.steps_only else jobs(Path(folder), given)
        rows += steps(Path(folder))
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if given.out:
        from benchmarks.common import write_csv

        write_csv(given.out, rows)
    return 0


def make_scans(folder, count):
    """Writes phantoms that have at least SLICES slices, the first of them, and a label table."""
    import nibabel as nib

    from preprocessing.phantoms import generate

    (folder / "scans").mkdir()
    index, made = 0, 0
    while made < count:
        small = generate(SEED, index, 32)
        if small.volume.shape[2] >= SLICES:
            phantom = generate(SEED, index, SIZE)
            image = nib.Nifti1Image(phantom.volume[..., :SLICES], phantom.affine)
            nib.save(image, folder / "scans" / f"s{made:02}.nii.gz")
            made += 1
        index += 1
    (folder / "labels.csv").write_text("id,label\n" + "".join(f"s{k:02},{k % 2}\n" for k in range(count)))


def jobs(folder, given):
    """Rows of scans a minute on each number of cores, and of their ratio."""
    seconds = {cores: [] for cores in CORES}
    for repetition in range(given.repetitions):
        for cores in CORES:
            whole = job(folder, cores, f"out-{repetition}-{cores}")
            start = job(folder, cores, f"out-{repetition}-{cores}")  # finished already: all but the work
            seconds[cores].append(whole - start)
    rates = {cores: 60 * given.scans / np.array(found) for cores, found in seconds.items()}
    rows = [row(f"scans a minute, {cores} core{'s'[: cores - 1]}", found) for cores, found in rates.items()]
    return [*rows, row("two cores to one", rates[2] / rates[1])]


def job(folder, cores, out):
    """Seconds of one command."""
    command = [sys.executable, "-m", "preprocessing", "ct", "--scans", folder / "scans"]
    command += ["--labels", folder / "labels.csv", "--brain", "native", "--align", "rigid"]
    command += ["--jobs", str(cores), "--out", folder / out]
    started = time.perf_counter()
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def steps(folder):
    """Rows of seconds a scan of each step, in this process."""
    from preprocessing.inputs import Scan
    from preprocessing.product import Outputs, make
    from preprocessing.settings import CtSettings
    from tfrecords import example

    settings, spent = CtSettings(brain="native", align="rigid"), {name: [] for name in (*STEPS, OTHER)}
    scans = sorted((folder / "scans").iterdir())
    with timed() as clock:
        for path in [scans[0], *scans]:  # the first one twice: imports and the template are no part of a scan
            clock.clear()
            started = time.process_time()
            product = make(Scan(path.name[:3], str(path), 1, "p", {}, None, None, False), settings, Outputs())
            example.encode(product.bags[0])
            whole = time.process_time() - started
            for name in STEPS:
                spent[name].append(clock.get(name, 0.0))
            spent[OTHER].append(whole - sum(clock.values()))
    total = sum(np.median(found[1:]) for found in spent.values())
    return [
        {**row(f"{name}, s", np.array(found[1:])), "percent": round(100 * np.median(found[1:]) / total, 1)}
        for name, found in spent.items()
    ]


@contextlib.contextmanager
def timed():
    """{step: seconds of this process} that grows while the context lasts; inner steps are taken off outer ones."""
    import importlib

    clock, running, old = {}, [], []

    def wrap(name, function):
        def measured(*args, **kwargs):
            started = time.process_time()
            running.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took, inner = time.process_time() - started, running.pop()
                clock[name] = clock.get(name, 0.0) + took - inner
                if running:
                    running[-1] += took
        return measured

    for name, functions in STEPS.items():
        for path in functions:
            module, _, attribute = path.rpartition(".")
            module = importlib.import_module(module)
            old.append((module, attribute, getattr(module, attribute)))
            setattr(module, attribute, wrap(name, getattr(module, attribute)))
    try:
        yield clock
    finally:
        for module, attribute, function in old:
            setattr(module, attribute, function)


def row(name, values):
    """One row: the median with its range."""
    from mil_tf import runs

    facts = runs.environment()
    low, middle, high = (float(f"{value:.3g}") for value in np.quantile(values, [0, 0.5, 1]))
    return {
        "part": name, "value": middle, "value_low": low, "value_high": high, "percent": "", "repetitions": len(values),
        "processor": facts["hardware"]["processor"], "cores": facts["hardware"]["cores"], "commit": facts["commit"],
    }


if __name__ == "__main__":
    sys.exit(main())
