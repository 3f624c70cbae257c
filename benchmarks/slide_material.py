"""What the benchmarks of maps work on: a ResNet-50 of random weights as `train.py` exports it, and large slides.

A slide is a tiled TIFF with a pyramid: tissue-coloured noise in a rectangle on glass, written tile by tile.
"""

import json

import numpy as np

TILE, MPP = 224, 0.5  # lerousseau2020, section 3.1, and our reading of its 20x
CELL = 32  # pixels a side, in which tissue is counted
BLOCK = 512  # pixels a side of the TIFF's tiles
GLASS, TISSUE = (244, 243, 244), (190, 120, 170)
CONSTANTS = {"mean": [200.0, 150.0, 180.0], "std": [30.0, 40.0, 35.0]}


def export(folder, tissue="otsu", seed=0, **options):
    """Writes the export of an untrained network; returns its facts of tiles.

    Args:
        folder: to be made.
        tissue: a rule of `preprocessing.slides.tissue`.
        options: of the recipe lerousseau2020.
    """
    import tensorflow as tf

    from mil_tf.models.receptive import context
    from mil_tf.models.tile_export import ExportedTiles
    from mil_tf.models.tile_net import features_model

    model = scorer(seed, **options)
    module, (stride, margin) = ExportedTiles(model), context(features_model(model))
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    tiles = {"tile": TILE, "mpp": MPP, "stride": stride, "margin": margin, "tissue": tissue, "cell": CELL}
    tiles["threshold"] = 0.5
    about = {"format": 1, "recipe": "lerousseau2020", "tiles": tiles}
    (folder / "mil_tf.json").write_text(json.dumps(about), encoding="utf-8")
    return tiles


def scorer(seed=0, **options):
    """The untrained network."""
    from mil_tf.models.tile_net import tile_scorer
    from mil_tf.options import resolve
    from mil_tf.recipes.lerousseau2020 import OPTIONS, PROFILES

    return tile_scorer(resolve(OPTIONS, PROFILES["full"], {"start": "", **options}), seed, CONSTANTS)


def options_of(words):
    """{name: value} of NAME=VALUE, whole numbers as such."""
    pairs = [word.split("=", 1) for word in words]
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


def write_slide(path, side, share=1.0):
    """Writes a square slide of `side` pixels, whose middle is tissue, `share` of its area."""
    import tifffile

    options = {
        "tile": (BLOCK, BLOCK), "compression": "zlib", "photometric": "rgb", "dtype": np.uint8, "metadata": None,
        "resolutionunit": "CENTIMETER",
    }
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for times in (1, 4, 16):
            rows = -(-side // times)
            size = 2 * (1e4 / (MPP * times),)
            blocks = _blocks(rows, side * (1 - share**0.5) / 2 / times)
            file.write(blocks, shape=(rows, rows, 3), resolution=size, subfiletype=int(times > 1), **options)


def _blocks(side, edge):
    """The TIFF tiles of a level, row by row."""
    random = np.random.default_rng(side)
    noise = random.integers(-25, 26, (2 * BLOCK, 2 * BLOCK, 3))
    for top in range(0, side, BLOCK):
        for left in range(0, side, BLOCK):
            shift = random.integers(0, BLOCK, 2)
            yield _block(top, left, side, edge, noise[shift[0] : shift[0] + BLOCK, shift[1] : shift[1] + BLOCK])


def _block(top, left, side, edge, noise):
    inside = [(np.arange(at, at + BLOCK) >= edge) & (np.arange(at, at + BLOCK) < side - edge) for at in (top, left)]
    tissue = np.outer(*inside)[..., None]
    return np.where(tissue, np.array(TISSUE) + noise, np.array(GLASS) + noise // 12).clip(0, 255).astype(np.uint8)
