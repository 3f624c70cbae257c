"""An exported model: its signatures and what its `mil_tf.json` says; no Keras model is needed."""

import json
from pathlib import Path

import numpy as np

from preprocessing.errors import UsageError
from preprocessing.settings import CtSettings
from tfrecords import quiet

# Written by mil_tf.export; named here too, so that a wrong folder is refused before TensorFlow is loaded.
FACTS, FORMAT = "mil_tf.json", 1
CHUNK_PIXELS = 8 * 512 * 512  # of one pass, 8 slices of 512x512: under 2 GiB with a ResNet-34 (our decision)
MOST = 256  # slices a pass, however small they are
POOLINGS, DETECTOR = ("max", "attention"), ("h", "threshold", "distance")  # of mil_tf.localization, which loads slowly


class ModelError(ValueError):
    """A folder that is no exported model of this package; the message is one line."""


class ExportedModel:
    """A model that `train.py` exported.

    Args:
        folder: the `export/` folder of a run.

    Attributes:
        facts: dict of its `mil_tf.json`.
        settings: CtSettings that its training data was made with.
        threshold: chosen on its validation bags; None where they were of one class.
        positions: of a model that says where in a slice it looked, {"pooling": "max" or "attention", "detector":
            {"h", "threshold", "distance"}, "only_positive": bool}; None of others.

    Raises:
        ModelError: the folder is none, or of a format or kind of preprocessing that is not known here.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.facts = read_facts(self.folder)
        self.settings = _settings(self.folder, self.facts)
        self.threshold = self.facts.get("threshold")
        self.positions = _positions(self.folder, self.facts)
        self._score = self._map = None

    def load(self):
        """Loads the SavedModel. Raises ModelError where it is missing or damaged."""
        names = ["slices"] if self.positions is None else ["slices", "maps"]
        self._loaded, (self._score, *maps) = load_signatures(self.folder, names)
        self._map = maps[0] if maps else None

    def __call__(self, slices):
        """Scores slices in chunks, so that memory does not grow with the scan.

        Args:
            slices: (n, h, w, 1) in HU, any float type.

        Returns:
            float32 (n,), the probability of the positive class.
        """
        return np.concatenate([found["probabilities"].numpy()[:, 1] for found in in_chunks(self._score, slices)])

    def maps(self, slices):
        """Scores slices as a call does, and says where each was looked at; of a model with `positions` alone.

        Args:
            slices: (n, h, w, 1) in HU, any float type.

        Returns:
            (float32 (n,), the probability of the positive class; float32 (n, h', w'), the maps as the network gives
            them).
        """
        found = list(in_chunks(self._map, slices))
        probability = np.concatenate([part["probabilities"].numpy()[:, 1] for part in found])
        return probability, np.concatenate([part["map"].numpy() for part in found])


def load_signatures(folder, names):
    """(the SavedModel of an export, [its signatures]); a signature alone does not keep its variables alive.

    Raises:
        ModelError: it is missing or damaged.
    """
    tf = quiet.tensorflow()
    tf.config.experimental.enable_tensor_float_32_execution(False)  # answers do not depend on the kind of GPU
    try:
        loaded = tf.saved_model.load(str(folder))
        return loaded, [loaded.signatures[name] for name in names]
    except Exception as error:  # TensorFlow raises many kinds, of which no list is kept
        raise ModelError(
            f"{folder}: its SavedModel cannot be loaded ({_first_line(error)}); copy the folder whole, or train again."
        ) from error


def in_chunks(signature, slices):
    """Yields what a signature gives of slices (n, h, w, 1), a chunk of them at a time."""
    import tensorflow as tf

    size = int(np.clip(CHUNK_PIXELS // (slices.shape[1] * slices.shape[2]), 1, MOST))
    for start in range(0, len(slices), size):
        yield signature(slices=tf.constant(slices[start : start + size], tf.float32))


def read_facts(folder):
    """What the `mil_tf.json` of an export says. Raises ModelError where it has none that is known here."""
    if not folder.is_dir():
        raise ModelError(f"--model: Expected the export/ folder of a run. Received: {folder}, which is none.")
    path = folder / FACTS
    if not path.exists():
        inside = folder / "export"
        hint = f"give {inside}." if (inside / FACTS).exists() else "train.py writes it when a run is done."
        raise ModelError(
            f"--model: Expected a folder with {FACTS}. Received: {folder}, which has none; {hint}"
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read as JSON ({_first_line(error)}); restore the file."
        ) from error
    found = facts.get("format") if isinstance(facts, dict) else None
    if found != FORMAT:
        raise ModelError(
            f"{path}: Expected format {FORMAT}. Received: {found!r}; use the mil-tf version that wrote it."
        )
    return facts


def _settings(folder, facts):
    made = facts.get("preprocessing") or {}
    if made.get("kind") != "ct":
        raise ModelError(
            f"{folder / FACTS}: Expected preprocessing of kind 'ct'. Received: {made.get('kind')!r}; "
            "this command predicts CT volumes only."
        )
    try:
        values = dict(made["settings"])
        if values.get("template"):
            values["template"] = str(folder / values["template"])
        return CtSettings.from_dict(values)
    except (KeyError, TypeError, UsageError) as error:
        raise ModelError(
            f"{folder / FACTS}: its preprocessing settings are not known here ({error})."
        ) from error


def _positions(folder, facts):
    found = facts.get("positions")
    if found is None:
        return None
    try:
        numbers = [float(found["detector"][name]) for name in DETECTOR]
        whole = found["pooling"] in POOLINGS and isinstance(found["only_positive"], bool) and np.isfinite(numbers).all()
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise ModelError(
            f"{folder / FACTS}: Expected positions with a pooling ({' or '.join(POOLINGS)}), a detector "
            f"({', '.join(DETECTOR)}) and only_positive. Received: {found!r}."
        )
    return {**found, "detector": dict(zip(DETECTOR, numbers))}


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
