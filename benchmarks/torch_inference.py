"""The rivals of `benchmarks/inference.py`, PyTorch and ONNX Runtime; they run in an environment of their own."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.rows import Absent, serve  # noqa: E402
from benchmarks.torch_rows import cores, keep_memory  # noqa: E402

CHUNK = 8  # slices a pass, as ours


def build(name, folder):
    """(step, facts) of a row. Raises Absent."""
    import torch

    from benchmarks.torch_resnet import folded, load

    torch.set_num_threads(cores())
    folder = Path(folder)
    options = json.loads((folder / "facts.json").read_text(encoding="utf-8"))["options"]
    try:
        net = load(folder, options)
    except ValueError as error:
        raise Absent(str(error)) from error
    images = np.load(folder / "images.npy")[:, :, ::-1, ::-1].copy()
    facts = {"torch": torch.__version__}
    if name == "ONNX Runtime":
        score, version = onnx_runtime(net, images[0, :CHUNK])
        facts["onnxruntime"] = version
    else:
        score = in_torch(folded(net) if name == "PyTorch folded" else net)

    def step(index):
        bag = images[index % len(images)]
        positive = np.concatenate([score(bag[start : start + CHUNK]) for start in range(0, len(bag), CHUNK)])
        return {"top": int(positive.argmax()), "probabilities": positive.tolist()}

    return step, facts


def in_torch(net):
    """function: slices -> probabilities of the positive class."""
    import torch

    @torch.inference_mode()
    def score(slices):
        return torch.softmax(net(torch.from_numpy(slices)), 1)[:, 1].numpy()

    return score


def onnx_runtime(net, example):
    """(function: slices -> probabilities of the positive class, version of ONNX Runtime)."""
    import onnxruntime
    import torch

    example = torch.from_numpy(example).float()
    model = torch.nn.Sequential(net, torch.nn.Softmax(1)).eval()
    with tempfile.TemporaryDirectory() as making:
        path = str(Path(making) / "net.onnx")
        torch.onnx.export(
            model, (example,), path, input_names=["slices"], external_data=False,
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=256)},),
        )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = cores()
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return lambda slices: session.run(None, {"slices": slices.astype(np.float32)})[0][:, 1], onnxruntime.__version__


if __name__ == "__main__":
    keep_memory()
    serve(lambda: build(sys.argv[1], sys.argv[2]))
