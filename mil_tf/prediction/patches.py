"""An exported model of tiles on patches of PatchCamelyon: a table that `evaluate.py --predictions` scores."""

from pathlib import Path

import numpy as np

from mil_tf.prediction.model import ModelError, load_signatures, read_facts
from mil_tf.prediction.patch_file import TILE, PatchFile, tiles_of
from mil_tf.runs import write_table
from preprocessing.progress import Progress

COLUMNS = ("y_true", "y_prob", "y_pred", "id")
CHUNK = 32  # tiles a pass: about 1 GiB with a ResNet-50 (our decision)
MPP, NEAR = 0.5, 0.1  # micrometres a pixel at 20x, our reading, and how far slides may be from it
MIDDLE = 0.5  # the threshold of a model that was exported without one


class PatchScorer:
    """The exported scorer of tiles.

    Args:
        folder: the `export/` folder of a run.

    Attributes:
        threshold: from which probability on a tile is called tumour.
        warning: one line where its tiles were others than PatchCamelyon's become, "" else.

    Raises:
        ModelError: the folder is no exported model, or its model is none of tiles of red, green and blue.
    """

    def __init__(self, folder):
        facts = read_facts(Path(folder))
        tiles = facts.get("tiles") or {}
        self.warning = unlike(tiles)
        chosen = [found.get("threshold") for found in (tiles, facts)]
        self.threshold = next((float(each) for each in chosen if each is not None), MIDDLE)
        self._loaded, (self._score,) = load_signatures(folder, ["slices"])
        ((self._input, spec),) = self._score.structured_input_signature[1].items()
        if spec.shape[-1] != 3:
            raise ModelError(f"{folder}: Expected a model of tiles of red, green and blue. Received: one of "
                             f"{spec.shape[-1]} channels.")

    def __call__(self, tiles):
        """The probability of the positive class, float32 (n,), of tiles (n, h, w, 3), 0 to 255."""
        return self._score(**{self._input: tiles})["probabilities"].numpy()[:, 1]


def predict_patches(file, model, labels=None, out=None, show=print):
    """Scores every patch of a file and writes `predictions-<file>.csv`.

    Args:
        file: HDF5 file of patches.
        model: folder of an exported model.
        labels: HDF5 file of their labels, see `PatchFile`.
        out: folder for the table; None is the working directory.
        show: called with each line on what is done.

    Returns:
        Path of the table: y_true, y_prob, y_pred at the model's threshold, id (the patch's number in the file).

    Raises:
        PatchError, ModelError: what is wrong, in one line.
    """
    file, out = Path(file), Path(out or ".")
    with PatchFile(file, None if labels is None else Path(labels)) as patches:
        scorer = PatchScorer(model)
        found = _scored(patches, scorer)
        rows = zip(patches.labels, found, (found >= scorer.threshold).astype(int), range(len(patches)))
        out.mkdir(parents=True, exist_ok=True)
        table = out / f"predictions-{file.stem}.csv"
        write_table(table, COLUMNS, ((truth, format(p, ".9g"), called, id) for truth, p, called, id in rows))
    show(f"{len(found)} patches called tumour from {scorer.threshold:.4g} on: {table}")
    if scorer.warning:
        show(scorer.warning)
    show("patches of one slide are not independent and their slides are not in the file: intervals are too narrow")
    return table


def unlike(tiles):
    """One line where a model's tiles are others than patches are brought to, "" where they are alike.

    Args:
        tiles: of its mil_tf.json; {} where that says nothing of tiles.
    """
    told = tiles.get("tile", TILE), tiles.get("mpp", MPP)
    if told[0] == TILE and abs(told[1] / MPP - 1) <= NEAR:
        return ""
    return (f"warning: this model learned from tiles of {told[0]} pixels at {told[1]:g} micrometres a pixel; patches "
            f"are shown to it as {TILE} pixels at {MPP:g}")


def _scored(patches, scorer):
    found, progress = [], Progress(len(patches), what="patches")
    try:
        for block in patches.blocks(CHUNK):
            found.append(scorer(tiles_of(block)))
            for _ in block:
                progress.step()
    finally:
        progress.close()
    return np.concatenate(found)
