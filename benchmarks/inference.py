"""A scan's slices in, its answer out: the exported SavedModel beside the same net in PyTorch and in ONNX Runtime.

Slices a second in float32, from HU in memory to every slice's probability and the top slice, a scan after the other;
the weights are shared, so the answers must agree, and by how much they do stands beside:

    SavedModel                signature `slices` in portions, as `python -m mil_tf.predict` calls it
    SavedModel, bag           signature `bag`, which cuts the scan by itself
    SavedModel, from file     the first with reading and preparing the NIfTI file
    PyTorch                   channels last, inference mode
    PyTorch folded            the same with batch norm folded into the convolutions
    ONNX Runtime              exported from PyTorch, its optimisations on

    python benchmarks/inference.py --torch-python PATH --out docs/results/inference.csv
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import material, ratios, rows  # noqa: E402

HERE = Path(__file__).resolve().parent
OURS = ("SavedModel", "SavedModel, bag", "SavedModel, from file")
RIVALS = ("PyTorch", "PyTorch folded", "ONNX Runtime")
REFERENCES = {"to_torch": "PyTorch", "to_torch_folded": "PyTorch folded", "to_onnx": "ONNX Runtime"}
HEADINGS = {
    "row": "row", "rate": "slices/s", "to_torch": "x PyTorch", "to_torch_folded": "x PyTorch folded",
    "to_onnx": "x ONNX Runtime", "peak_gib": "peak GiB", "apart": "probabilities apart", "note": "",
}


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    material.arguments(parser)
    parser.add_argument("--repetitions", type=int, default=5, help="of all rows in turn (default: 5)")
    parser.add_argument("--rows", nargs="+", default=[*OURS, *RIVALS], choices=OURS + RIVALS, metavar="NAME")
    parser.add_argument("--torch-python", metavar="PATH", help="python with torch, onnx, onnxscript, onnxruntime")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", nargs=2, metavar=("ROW", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        rows.serve(lambda: build(*given.child))
        return 0
    folder = material.made(given)
    commands = {name: command(name, folder, given) for name in given.rows}
    found, facts, absent = rows.measure(commands, given.repetitions, lambda line: print(line, file=sys.stderr))
    for replies in found.values():
        replies[-1]["peak_gib"] = round(replies[-1]["peak_gib"], 2)
        replies[-1]["apart"] = apart(replies, next(iter(found.values())))
    table = ratios.table(found, absent, given.slices, REFERENCES, ("peak_gib", "apart"))
    about = {"size": given.size, "slices": given.slices, **material.described(folder), **ratios.machine()}
    about |= {key: value for each in facts.values() for key, value in each.items()}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(ratios.text(table, HEADINGS))
    if given.out:
        ratios.write(given.out, table, about)
    return 0


def command(name, folder, given):
    """The command of a row's process, or an Absent."""
    if name in OURS:
        return [sys.executable, __file__, "--child", name, str(folder)]
    if not given.torch_python:
        return rows.Absent("no --torch-python given")
    return [given.torch_python, str(HERE / "torch_inference.py"), name, str(folder)]


def apart(replies, reference):
    """The largest difference of a slice's probability between two rows, over all repetitions."""
    pairs = zip(replies, reference)
    return float(f"{max(np.abs(np.subtract(a['probabilities'], b['probabilities'])).max() for a, b in pairs):.2g}")


def build(name, folder):
    """(step, facts) of a row of ours: the model exported, loaded, and called on bag after bag."""
    from tfrecords import quiet

    tf = quiet.tensorflow()
    images = np.load(Path(folder) / "images.npy")
    with tempfile.TemporaryDirectory() as making:
        _export(Path(folder), Path(making), images.shape[2])
        score = _bag_signature(making) if name == "SavedModel, bag" else _predictor(making)
    if name == "SavedModel, from file":
        return _from_files(score, images), {"tensorflow": tf.__version__}

    def step(index):
        positive = score(images[index % len(images)])
        return {"top": int(positive.argmax()), "probabilities": positive.tolist()}

    return step, {"tensorflow": tf.__version__}


def _export(folder, out, size):
    """Writes the SavedModel of a folder of `benchmarks.material`, as a run does."""
    import tensorflow as tf

    from mil_tf.export import FACTS, FORMAT, ExportedScorer
    from preprocessing.settings import CtSettings

    module = ExportedScorer(material.load_model(folder))
    tf.saved_model.save(module, str(out), signatures=module.signatures())
    settings = CtSettings(size=size, keep_empty=True).to_dict()
    about = {"format": FORMAT, "preprocessing": {"kind": "ct", "settings": settings}}
    (out / FACTS).write_text(json.dumps(about), encoding="utf-8")


def _predictor(out):
    from mil_tf.prediction.model import ExportedModel

    model = ExportedModel(out)
    model.load()
    return model


def _bag_signature(out):
    import tensorflow as tf

    loaded = tf.saved_model.load(out)

    def score(slices, kept=loaded):
        return kept.signatures["bag"](slices=tf.constant(slices, tf.float32))["slice_probabilities"].numpy()

    return score


def _from_files(model, images):
    """The step that begins with a NIfTI file."""
    from mil_tf.prediction.answer import answer
    from preprocessing.phantoms.cohort import write_nifti

    folder = tempfile.TemporaryDirectory()
    paths = [Path(folder.name) / f"scan-{i}.nii.gz" for i in range(len(images))]
    for path, bag in zip(paths, images):
        # Rows of a slice run from anterior to posterior, columns from right to left.
        write_nifti(path, np.round(bag[..., 0]).astype(np.int16).transpose(2, 1, 0), np.diag([-0.5, -0.5, 5.0, 1.0]))

    def step(index, kept=folder):
        found = answer(paths[index % len(paths)], "scan", model, model.settings)
        return {"top": found.top, "probabilities": found.probability.tolist()}

    return step


if __name__ == "__main__":
    sys.exit(main())
