"""An exported model of tiles: what its `mil_tf.json` says of slides, and its logits at every position of an image."""

from pathlib import Path

import numpy as np

from mil_tf.prediction.dense import WINDOW
from mil_tf.prediction.model import ModelError, load_signatures, read_facts
from preprocessing.errors import UsageError
from preprocessing.slides.settings import SlideSettings

# Of `tiles` in mil_tf.json: pixels of a tile, micrometres a pixel, pixels between positions, of context, of a cell.
WHOLE, MAPS = ("tile", "stride", "margin", "cell"), ("tile", "position")
SIGNATURES = {"float32": "maps", "bfloat16": "maps_bfloat16"}


class TileModel:
    """A model that `train.py` exported, of tiles.

    Args:
        folder: the `export/` folder of a run.
        mpp: micrometres a pixel of the slides' level 0, instead of what their files say; None leaves it to them.
        map: "tile" or "position", see `mil_tf.prediction.slide_answer`; None is the model's own.
        precision: "float32" or "bfloat16", of the convolutions.
        window: pixels a side that are scored at a time, about; see `mil_tf.prediction.dense`.

    Attributes:
        facts: dict of its `mil_tf.json`.
        settings: `preprocessing.slides.settings.SlideSettings`, the tissue and tiles of its training data.
        precision: as given.
        stride, margin: pixels between its positions, and around a window after which nothing changes those inside.
        window: a multiple of the stride.
        threshold: chosen on its validation bags; None where they were of one class.
        map: "tile" or "position".

    Raises:
        ModelError: the folder is none, or does not say of tiles what it must.
    """

    def __init__(self, folder, mpp=None, map=None, precision="float32", window=WINDOW):
        self.folder = Path(folder)
        self.facts = read_facts(self.folder)
        tiles = _checked(self.folder, self.facts)
        self.stride, self.margin, self.threshold = tiles["stride"], tiles["margin"], tiles.get("threshold")
        self.map = map or tiles.get("map", MAPS[0])
        self.settings = _settings(self.folder, tiles, mpp)
        self.window = max(1, round(window / self.stride)) * self.stride
        self.precision, self._maps = precision, None

    def load(self):
        """Loads the SavedModel. Raises ModelError where it is missing or damaged."""
        self._loaded, (self._maps,) = load_signatures(self.folder, [SIGNATURES[self.precision]])

    def __call__(self, images):
        """float32 (n, h, w, 3), red, green, blue from 0 to 255 -> logits float32 (n, h / stride, w / stride)."""
        import tensorflow as tf

        return self._maps(images=tf.constant(images, tf.float32))["logit"].numpy()


def _checked(folder, facts):
    found = facts.get("tiles")
    numbers = found if isinstance(found, dict) else {}
    whole = all(type(numbers.get(name)) is int and numbers[name] >= (name != "margin") for name in WHOLE)
    if not whole or numbers["tile"] % numbers["stride"] or numbers["margin"] % numbers["stride"]:
        raise ModelError(
            f"{folder / 'mil_tf.json'}: Expected tiles with {', '.join(WHOLE)}, whole numbers, where the stride "
            f"divides tile and margin. Received: {found!r}."
        )
    threshold = numbers.get("threshold")
    if threshold is not None and not (isinstance(threshold, (int, float)) and np.isfinite(threshold)):
        raise ModelError(f"{folder / 'mil_tf.json'}: Expected a number as threshold of tiles. Received: {threshold!r}.")
    if numbers.get("map", MAPS[0]) not in MAPS:
        raise ModelError(f"{folder / 'mil_tf.json'}: Expected a map of {MAPS}. Received: {numbers['map']!r}.")
    return numbers


def _settings(folder, tiles, mpp):
    try:
        made = {name: tiles[name] for name in ("tile", "cell", "tissue")} | {"target_mpp": tiles["mpp"] or 0}
        settings = SlideSettings(**made)
    except (KeyError, UsageError) as error:
        raise ModelError(f"{folder / 'mil_tf.json'}: its tiles are not known here ({error}).") from error
    return SlideSettings(**{**settings.to_dict(), "mpp": mpp})
