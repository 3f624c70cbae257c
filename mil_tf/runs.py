"""A run on disk: its folder, its config, and the tables that the evaluation reads."""

import csv
import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

PACKAGES = ("tensorflow", "keras", "tensorflow-addons", "numpy", "nibabel", "SimpleITK", "scikit-image", "matplotlib")


PROGRESS = "progress.json"  # how far a run is, see `mil_tf.training.progress`


class RunError(ValueError):
    """A run folder that cannot be used as asked; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What one run is: recipe, variant and resolved options, data, subset size, fold and seed."""

    recipe: str
    variant: str
    options: dict
    bags: int
    fold: int
    seed: int

    def folder(self, out):
        """Where the run lives below `out`."""
        return run_folder(out, self.recipe, self.bags, self.fold, self.seed)


def run_folder(out, recipe, bags, fold, seed):
    """`out/<recipe>/bags-<bags>/fold-<fold>/seed-<seed>`."""
    return Path(out) / recipe / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"


def write_json(path, values):
    """Writes JSON as a whole: never half a file, whenever the process dies."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(part, path)


def read_json(path):
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(path, columns, rows, mark=""):
    """Writes a CSV as a whole; where several may do so at a time, each has its own mark."""
    part = path.with_name(f".{path.name}{mark}.part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    os.replace(part, path)


def is_finished(folder):
    """Whether a run has written its last file."""
    return (Path(folder) / "export" / "mil_tf.json").exists()


def read_config(folder):
    """Returns the run's config.json as a dict. Raises RunError where the folder is no run."""
    path = Path(folder) / "config.json"
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"Expected a run folder with a config.json. Received: {folder} ({error}).") from error


def environment():
    """Versions, hardware, commit and command: what a figure needs beside it to be believed."""
    return {
        "command": " ".join(sys.argv),
        "versions": {"python": platform.python_version(), **_versions()},
        "hardware": {"processor": _processor(), "cores": os.cpu_count(), "machine": platform.machine()},
        "commit": _commit(),
    }


def digest(facts):
    """sha256 of plain JSON values, such as the names and checksums of shards, or the bags of each split."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def weights_digest(model):
    """sha256 over all weights in order; equal only for equal bits."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit():
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, check=True, timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
