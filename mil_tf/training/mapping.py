"""What a trained network of tiles does after training: maps of the test slides, and of other cohorts.

A map is `maps-<name>/<slide>.npz` in the run's folder: `logit`, float32, one a position of the network's stride, NaN
where there is no tissue, and `stride` in pixels of the slide's grid. It comes from dense inference over the slide, the
same code as prediction's. Where the slide itself is out of reach and the bag holds its tiles, each tile gives its own
positions; those near its border then see zeros where dense inference sees the neighbour.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from mil_tf import runs
from mil_tf.evaluation.run import validation_threshold
from mil_tf.models.receptive import context
from mil_tf.models.tile_export import ExportedTiles
from mil_tf.models.tile_net import CHANNELS, dense_logits, features_model
from mil_tf.options import OptionError
from mil_tf.prediction.dense import dense_map
from mil_tf.prediction.slide_answer import with_tissue
from mil_tf.training.scoring import CHUNK_PIXELS, fitting

MAPS = ("tile", "position")


class Mapping:
    """Maps of slides.

    Args:
        model: of `mil_tf.models.tile_net.tile_scorer`, whose weights are the run's when a map is made.
        options: of the recipe, resolved.
    """

    def __init__(self, model, options):
        self._model, self._options = model, options
        self.stride, self._margin = context(features_model(model))
        self._dense_logits = tf.function(
            dense_logits(model), input_signature=[tf.TensorSpec([None, None, None, CHANNELS], tf.float32)]
        )

    def forward(self, images):
        """float32 (n, h, w, 3) -> logits float32 (n, h / stride, w / stride)."""
        return self._dense_logits(images).numpy()

    def check(self, tile):
        """Raises OptionError where tiles of so many pixels a side are not whole positions."""
        if tile % self.stride:
            raise OptionError(
                f"--set backbone, stem: Expected a network whose stride divides tiles of {tile} pixels. Received: a "
                f"stride of {self.stride}."
            )

    def finish(self, folder, sources, show):
        """Writes the maps of the test slides."""
        self._write(folder, "test", sources["test"], show)

    def tables(self, folder, name, source):
        """Writes the maps of another cohort."""
        self._write(folder, name, source, print)

    def exported(self, folder):
        """(module, facts) for `mil_tf.export`."""
        facts = {
            **_tiles(runs.read_config(folder)), "stride": self.stride, "margin": self._margin,
            "threshold": validation_threshold(folder), "map": self._options["map"],
        }
        return ExportedTiles(self._model), {"tiles": facts}

    def _write(self, folder, name, source, show):
        out, told = Path(folder) / f"maps-{name}", False
        out.mkdir(exist_ok=True)
        for position in range(len(source)):
            grid = source.grid(position)
            if grid is None and not told:
                show(f"{source.ids[position]}: its slide is not there; maps are made of the bags' own tiles")
                told = True
            found = self._from_tiles(source, position) if grid is None else self._dense(source, position, grid)
            _save(out / Path(source.fields(position).meta["cells"]).name, logit=found, stride=self.stride)

    def _dense(self, source, position, grid):
        wanted = with_tissue(source.cells(position), self.stride, grid.shape)
        return dense_map(self.forward, grid.read, grid.shape, self.stride, self._margin, wanted=wanted)

    def _from_tiles(self, source, position):
        fields, tile = source.fields(position), source.instance_shape[0]
        rows, columns = (-(-side // self.stride) for side in fields.meta["grid"])
        found, at = np.full((rows, columns), np.nan, np.float32), 0
        corners, side = fields.coords // self.stride, tile // self.stride
        for block in source.blocks(position, self._options["chunk"] or fitting((tile, tile), CHUNK_PIXELS, 256)):
            for logits in self.forward(block.astype(np.float32)):
                row, column = corners[at]
                found[row : row + side, column : column + side] = logits
                at += 1
        return found


def _tiles(config):
    """How the training slides were cut into tiles."""
    settings = config["preprocessing"]["settings"]
    names = {"tile": "tile", "mpp": "target_mpp", "tissue": "tissue", "cell": "cell"}
    return {name: settings[theirs] for name, theirs in names.items()}


def _save(path, **arrays):
    """Never half a file, whenever the process dies."""
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)
