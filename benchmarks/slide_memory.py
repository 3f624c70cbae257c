"""Peak resident memory of predicting slides of more and more pixels: stated beforehand, and it must not be passed.

Each row is a process of its own that predicts a whole slide as `python -m mil_tf.predict` does, files and all: find
tissue, score it, write what belongs to it. What the bound is made of is `bound`.

    python benchmarks/slide_memory.py --out docs/results/slide_memory.csv
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import ratios, rows, slide_material  # noqa: E402

HEADINGS = {
    "row": "pixels a side", "rate": "slides/s", "peak_gib": "peak GiB", "bound_gib": "bound", "held": "held",
    "growth": "x the smallest", "note": "",
}
# What Python, TensorFlow, the other libraries and the network's weights take before the first window (our estimate).
STARTED_GIB = 1.0
# Bytes a pixel of a window with its margins while a ResNet-50 scores it in float32. Its largest maps are 64 channels
# at half and 256 at a quarter of the resolution, 64 bytes a pixel each, of which some four live at a time; half as much
# again for what the allocator keeps between windows of unlike sizes. With 300 the bound of 20,000 pixels a side was
# 3.20 GiB, and its peak 3.25 (docs/results/slide_memory.csv).
WINDOW_BYTES = 400
# Bytes a pixel of the slide itself: tissue is found on a picture of a 256th of it, in float64 (our estimate).
SLIDE_BYTES = 1.0


def main(args=None):
    """Runs the command; returns its exit code, 1 where a bound was passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[5000, 10000, 20000], help="pixels a side")
    parser.add_argument("--slide", help="a slide file to predict as well, such as a phantom")
    parser.add_argument("--share", type=float, default=0.15, help="of a slide that is tissue (default: 0.15)")
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="options of lerousseau2020")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--child", nargs=3, metavar=("SLIDE", "EXPORT", "PRECISION"), help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        rows.serve(lambda: build(*given.child))
        return 0
    with tempfile.TemporaryDirectory() as making:
        tiles = slide_material.export(Path(making) / "export", **slide_material.options_of(given.set))
        slides = {str(side): made(Path(making), side, given.share) for side in given.sides}
        slides |= {Path(given.slide).name: given.slide} if given.slide else {}
        found, facts, absent = measured(slides, Path(making) / "export", given.precision)
        areas = {name: pixels(path) for name, path in slides.items()}
    table = ratios.table(found, absent, 1, {}, ("peak_gib",))
    for row in table:
        compare(row, table[0], areas[row["row"]], tiles["margin"])
    about = {"share": given.share, "precision": given.precision, "margin": tiles["margin"], "set": " ".join(given.set)}
    about |= {**ratios.machine(), **{key: value for each in facts.values() for key, value in each.items()}}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(ratios.text(table, HEADINGS))
    if given.out:
        ratios.write(given.out, table, about)
    return 0 if all(row["held"] == "yes" for row in table) else 1


def bound(area, margin):
    """GiB that predicting a slide of `area` pixels may take at most."""
    from mil_tf.prediction.dense import WINDOW

    return STARTED_GIB + ((WINDOW + 2 * margin) ** 2 * WINDOW_BYTES + area * SLIDE_BYTES) / 2**30


def compare(row, smallest, area, margin):
    """Adds to a row its bound, whether it was held, and its peak's ratio to the smallest slide's."""
    row["bound_gib"] = round(bound(area, margin), 2)
    row["held"] = "" if row["peak_gib"] == "" else "yes" if row["peak_gib"] <= row["bound_gib"] else "no"
    both = row["peak_gib"] != "" and smallest["peak_gib"] != ""
    row["growth"] = float(f"{float(row['peak_gib']) / float(smallest['peak_gib']):.3g}") if both else ""
    row["peak_gib"] = round(row["peak_gib"], 3) if row["peak_gib"] != "" else ""


def measured(slides, export, precision):
    """Each slide in a process of its own, one after the other and once: what is asked for is its peak."""
    found, facts, absent = {}, {}, {}
    for name, path in slides.items():
        command = [sys.executable, __file__, "--child", str(path), str(export), precision]
        done, told, missing = rows.measure({name: command}, 0, lambda line: print(line, file=sys.stderr))
        found |= {key: [replies[0], *replies] for key, replies in done.items()}
        facts, absent = facts | told, absent | missing
    return found, facts, absent


def made(folder, side, share):
    """Writes a slide; returns its path."""
    path = folder / f"{side}.tif"
    slide_material.write_slide(path, side, share)
    return path


def pixels(path):
    """How many a slide has."""
    from preprocessing.slides.reader import open_slide

    with open_slide(path) as slide:
        return slide.shape[0] * slide.shape[1]


def build(slide, export, precision):
    """(step, facts) of a row."""
    from mil_tf.prediction.slide_answer import answer
    from mil_tf.prediction.slide_files import write_all
    from mil_tf.prediction.tile_model import TileModel
    from tfrecords import quiet

    tf, model = quiet.tensorflow(), TileModel(export, precision=precision)
    model.load()

    def step(index):
        with tempfile.TemporaryDirectory() as out:
            found = answer(slide, "slide", model)
            write_all(Path(out), found, model)
            return {"mm2": found.areas()[1]}

    return step, {"tensorflow": tf.__version__}


if __name__ == "__main__":
    sys.exit(main())
