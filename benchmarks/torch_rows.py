"""The rows of `benchmarks/training_step.py` that are PyTorch; they run in an environment of their own."""

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.rows import Absent, serve  # noqa: E402

CHUNK = 16  # slices a scoring pass, as ours at 512x512

KEPT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}  # of glibc

# Row -> (precision of the scoring, how it is made faster).
ROWS = {
    "PyTorch float32": ("float32", None),
    "PyTorch bfloat16": ("bfloat16", None),
    "PyTorch float32, kept memory": ("float32", None),
    "PyTorch bfloat16, kept memory": ("bfloat16", None),
    "PyTorch folded, kept memory": ("bfloat16", "folded"),
    "PyTorch float32 compiled": ("float32", "compiled"),
    "PyTorch bfloat16 compiled": ("bfloat16", "compiled"),
}


def build(name, folder, window):
    """(step, facts) of a row. Raises Absent."""
    import torch

    from benchmarks.torch_resnet import load

    torch.set_num_threads(cores())
    folder = Path(folder)
    options = json.loads((folder / "facts.json").read_text(encoding="utf-8"))["options"]
    if options["optimizer"] != "Adam" or options["weight_decay"]:
        raise Absent("Expected Adam without weight decay")
    try:
        net = load(folder, options)
    except ValueError as error:
        raise Absent(str(error)) from error
    images = torch.from_numpy(np.load(folder / "images.npy")[:, :, ::-1, ::-1].copy())
    labels = torch.from_numpy(np.load(folder / "labels.npy"))
    step = Step(net, images, labels, options, *ROWS[name])
    return lambda index: step([(index * window + i) % len(images) for i in range(window)]), {"torch": torch.__version__}


class Step:
    """Scores the bags of a window without a tape, differentiates their top slices, applies Adam.

    Args:
        net: of `benchmarks.torch_resnet`.
        images, labels: the bags.
        options: of the recipe.
        precision: of the scoring, "float32" or "bfloat16".
        faster: None, "folded" (batch norm folded once a window) or "compiled" (torch.compile of the scoring).
    """

    def __init__(self, net, images, labels, options, precision, faster):
        import torch

        self._net, self._images, self._labels = net, images, labels
        self._precision, self._faster = precision, faster
        self._score = torch.compile(net) if faster == "compiled" else net
        self._optimizer = torch.optim.Adam(net.parameters(), options["learning_rate"], eps=options["epsilon"])

    def __call__(self, window):
        import torch

        score = self._scoring()
        tops = [self._top(score, self._images[position]) for position in window]
        chosen = torch.stack([self._images[position, top] for position, top in zip(window, tops)])
        losses = torch.nn.functional.cross_entropy(self._net(chosen), self._labels[window], reduction="none")
        self._optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        self._optimizer.step()
        return {"losses": losses.tolist(), "tops": tops, "close_calls": ""}

    def _scoring(self):
        import torch

        from benchmarks.torch_resnet import folded

        if self._faster != "folded":
            return self._score
        with torch.no_grad():
            return folded(self._net, getattr(torch, self._precision))

    def _top(self, score, bag):
        import torch

        low = self._precision == "bfloat16" and self._faster != "folded"
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
            logits = torch.cat([score(part) for part in bag.split(CHUNK)])
        return int((logits[:, 1] - logits[:, 0]).argmax())


def keep_memory():
    """Starts this program again with an allocator that keeps what is freed, as TensorFlow's does.

    PyTorch as it is installed leaves that to the C library, with which every large tensor is new memory that the system
    has to clear first. Few know the three variables, so the rows without "kept memory" do without.
    """
    if not sys.platform.startswith("linux") or KEPT.keys() <= os.environ.keys():
        return
    os.environ.update(KEPT)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def cores():
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    if sys.argv[1].endswith("kept memory"):
        keep_memory()
    serve(lambda: build(sys.argv[1], sys.argv[2], int(sys.argv[3])))
