"""Runs on this machine: a process for each GPU, or one on all cores, or as many as `--jobs` says."""

import os
import shutil
import subprocess
import sys

from mil_tf.grid.process import Child
from preprocessing.cores import available

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
VISIBLE = "CUDA_VISIBLE_DEVICES"
COUNT = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"


class Local:
    """Places for runs on this machine.

    Args:
        environments: one a place, variables of its processes.
    """

    def __init__(self, environments):
        self._environments, self._children = environments, {}
        self.places = len(environments)

    def free(self):
        """How many runs can be started now."""
        return self.places - len(self._children)

    def start(self, folder, task):
        """Starts a run at a free place."""
        taken = {place for place, _ in self._children.values()}
        place = next(place for place in range(self.places) if place not in taken)
        self._children[folder] = place, Child(task, self._environments[place])

    def running(self):
        """{folder: where} of the runs under way."""
        return {folder: self._where(*found) for folder, found in self._children.items()}

    def ended(self):
        """[(folder, (what became of it, one line))] of the runs that have ended; each is told of once."""
        folders = [folder for folder, (_, child) in self._children.items() if child.done()]
        return [(folder, self._children.pop(folder)[1].result()) for folder in folders]

    def stop(self):
        """Asks all to stop with a checkpoint."""
        for _, child in self._children.values():
            child.stop()

    def kill(self):
        """Ends all at once."""
        for _, child in self._children.values():
            child.kill()
        for _, child in self._children.values():
            child.result()
        self._children = {}

    def _where(self, place, child):
        gpu = self._environments[place].get(VISIBLE)
        return f"process {child.process}" + (f", GPU {gpu}" if gpu else "")


def environments(jobs=None, gpus=None, environ=None):
    """The variables of each place's processes.

    On a CPU the cores are divided by the number of places, unless the caller has set the variables; one place has all.
    The number of threads is part of what decides a run's bits.

    Args:
        jobs: places; None is one a GPU, or one where there is none.
        gpus: their names; None asks.
        environ: the caller's variables; None is this process'.
    """
    environ = os.environ if environ is None else environ
    gpus = gpu_names(environ) if gpus is None else gpus
    count = jobs or max(1, len(gpus))
    if gpus:
        return [{VISIBLE: gpus[place % len(gpus)]} for place in range(count)]
    threads = str(max(1, available() // count))
    return [{name: threads for name in THREADS if count > 1 and name not in environ} for _ in range(count)]


def gpu_names(environ):
    """Names of the GPUs that TensorFlow sees, as CUDA_VISIBLE_DEVICES has them.

    Where something hints at one, another process asks TensorFlow: this one shall neither wait for it on a machine
    without GPU nor hold memory on the GPUs of its children.
    """
    visible = environ.get(VISIBLE)
    if visible in ("", "-1") or (visible is None and shutil.which("nvidia-smi") is None):
        return []
    asked = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, env={**environ})
    lines = asked.stdout.split()
    count = int(lines[-1]) if asked.returncode == 0 and lines else 0
    return (visible.split(",") if visible else [str(place) for place in range(count)])[:count]
