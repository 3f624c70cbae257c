"""Maps of a slide: megapixels a second by windows beside tile by tile, with the same ResNet-50 in one run.

All rows read the same tissue from the same file, in the middle of a larger slide, and score it once: a square of
tiles that do not overlap, which is also one window of dense inference with its margin all around it.

    tile by tile, Keras      read a tile, call the model, take its probability; as one writes it first
    tile by tile, compiled   the same with the model in a compiled function
    batches of tiles         compiled, 32 tiles a call
    windows                  `mil_tf.prediction.dense.dense_map` with the exported signature, float32
    windows, bfloat16        the same in bfloat16

The first three give a number a tile; windows give one a position, 49 a tile of 224 pixels. A loop over tiles that gave
as many would score 49 times as many. The margin that windows read around what they keep is not counted as work. Told
are megapixels a second, and beside them, for machines that are not idle, megapixels a second of processor time; with
`apart`, how far a row's tile probabilities are from the compiled loop's; windows see what lies around a tile, where a
tile by itself has zeros, so that theirs differ by more than rounding.

    python benchmarks/slide_maps.py --out docs/results/slide_maps.csv
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import ratios, rows, slide_material  # noqa: E402
from benchmarks.slide_material import TILE  # noqa: E402

TILES = ("tile by tile, Keras", "tile by tile, compiled", "batches of tiles")
WINDOWS = {"windows": "float32", "windows, bfloat16": "bfloat16"}
BATCH = 32
REFERENCES = {"to_keras": TILES[0], "to_compiled": TILES[1], "to_batches": TILES[2]}
HEADINGS = {
    "row": "row", "rate": "MP/s", "to_keras": "x Keras", "to_compiled": "x compiled", "to_batches": "x batches",
    "cpu_rate": "MP/s of CPU", "cpu_to_keras": "x Keras", "cpu_to_compiled": "x compiled", "peak_gib": "peak GiB",
    "apart": "apart", "note": "",
}
SLIDE = "slide.tif"


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=18, help="a side of the square of tiles (default: 18)")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="options of lerousseau2020")
    parser.add_argument("--repetitions", type=int, default=5, help="of all rows in turn (default: 5)")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", nargs=4, metavar=("ROW", "FOLDER", "TILES", "OPTIONS"), help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        rows.serve(lambda: build(*given.child))
        return 0
    with tempfile.TemporaryDirectory() as making:
        folder, side = Path(making), given.tiles * TILE
        tiles = slide_material.export(folder / "export", **slide_material.options_of(given.set))
        slide_material.write_slide(folder / SLIDE, side + 2 * tiles["margin"])
        told = [str(folder), str(given.tiles), " ".join(given.set)]
        commands = {name: [sys.executable, __file__, "--child", name, *told] for name in (*TILES, *WINDOWS)}
        found, facts, absent = rows.measure(commands, given.repetitions, lambda line: print(line, file=sys.stderr))
    for replies in found.values():
        replies[-1]["peak_gib"] = round(replies[-1]["peak_gib"], 2)
        replies[-1]["apart"] = apart(replies[-1], found[TILES[1]][-1])
    table = both_clocks(found, absent, side**2 / 1e6)
    about = {"tiles": given.tiles**2, "side": side, "margin": tiles["margin"], "set": " ".join(given.set)}
    about |= {**ratios.machine(), **{key: value for each in facts.values() for key, value in each.items()}}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(ratios.text(table, HEADINGS))
    if given.out:
        ratios.write(given.out, table, about)
    return 0


def both_clocks(found, absent, work):
    """The table by the clock on the wall, with `cpu_rate` and the ratios of it by that of the processor."""
    table = ratios.table(found, absent, work, REFERENCES, ("peak_gib", "apart"))
    used = {name: [{**each, "seconds": each["cpu_seconds"]} for each in replies] for name, replies in found.items()}
    for row, other in zip(table, ratios.table(used, absent, work, REFERENCES)):
        row |= {f"cpu_{key}": other[key] for key in other if key.startswith(("rate", "to_"))}
    return table


def apart(reply, reference):
    """The largest difference of a tile's probability."""
    return float(f"{np.abs(np.subtract(reply['probabilities'], reference['probabilities'])).max():.2g}")


def build(name, folder, tiles, options):
    """(step, facts) of a row; a step reads and scores all of the tissue once."""
    from preprocessing.slides.reader import open_slide
    from tfrecords import quiet

    tf = quiet.tensorflow()
    slide = open_slide(Path(folder) / SLIDE)
    grid, side = slide.grid(slide_material.MPP), int(tiles) * TILE
    edge = (grid.shape[0] - side) // 2
    if name in WINDOWS:
        score = windows(Path(folder) / "export", grid, edge, side, WINDOWS[name])
    else:
        places = range(edge, edge + side, TILE)
        model = slide_material.scorer(**slide_material.options_of(options.split()))
        score = by_tiles(name, model, grid, [(row, column) for row in places for column in places])
    return lambda index: {"probabilities": score().tolist()}, {"tensorflow": tf.__version__}


def by_tiles(name, model, grid, places):
    """A function () -> probabilities of all tiles, read one after the other."""
    import tensorflow as tf

    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    compiled = tf.function(lambda images: model(images, training=False), input_signature=[spec])
    call = (lambda images: model(images, training=False)) if name == TILES[0] else compiled
    count = BATCH if name == TILES[2] else 1

    def score():
        found = []
        for start in range(0, len(places), count):
            tiles = np.stack([grid.read(*place, TILE, TILE) for place in places[start : start + count]])
            found.append(call(tf.constant(tiles, tf.float32)).numpy()[:, 1])
        return np.concatenate(found)

    return score


def windows(folder, grid, edge, side, precision):
    """A function () -> probabilities of all tiles, from one map."""
    from scipy.special import expit

    from mil_tf.prediction.dense import dense_map
    from mil_tf.prediction.tile_model import TileModel

    model = TileModel(folder, precision=precision)
    model.load()
    stride, each = model.stride, TILE // model.stride
    wanted = np.zeros([-(-length // stride) for length in grid.shape], bool)
    inside = slice(edge // stride, (edge + side) // stride)
    wanted[inside, inside] = True

    def score():
        found = dense_map(model, grid.read, grid.shape, stride, model.margin, side, wanted)[inside, inside]
        tiles = found.reshape(side // TILE, each, side // TILE, each)
        return expit(tiles.mean((1, 3))).ravel()

    return score


if __name__ == "__main__":
    sys.exit(main())
