"""What the benchmarks of speed work on: bags of phantom slices, and weights that have seen phantoms.

Noise and initial weights would not do: all slices would score alike, and how often two slices are too close to call
decides what the search costs. The weights are the recipe's after a short warm-up on phantoms of `WARM_SIZE` pixels
(the network takes any size, the field of view is the same), with the averages of its batch norm taken anew on the
slices at hand, for masked slices after those of whole ones; or those of a run, with --weights.

    python benchmarks/material.py --size 512 --slices 32 --bags 8 --empty 0.15

prints the folder: images.npy (float16 (bags, slices, size, size, 1), HU), labels.npy, weights.npz ("<layer>/<place>"
as `get_weights` has it) and facts.json. It is made once and cached.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Our decision: minutes on two cores.
WARM_SIZE, WARM_BAGS, WARM_STEPS = 128, 64, 300
FIRST = 1000  # index of the first phantom that is no warm-up's
NORM_STEPS, NORM_BATCH = 20, 8  # of momentum 0.9: a tenth of the old averages is left


def arguments(parser):
    """Adds the arguments that every benchmark of speed takes."""
    parser.add_argument("--size", type=int, default=512, help="pixels a side (default: 512, the paper's)")
    parser.add_argument("--slices", type=int, default=32, help="slices a bag (default: 32)")
    parser.add_argument("--bags", type=int, default=8, help="different bags (default: 8)")
    parser.add_argument(
        "--empty", type=float, default=0.0, metavar="SHARE",
        help="slices masked with the true brain, this share of them empty, as --keep-empty leaves them (default: 0)",
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--weights", metavar="FILE", help="best.weights.h5 of a run with the same options")
    parser.add_argument("--warm-steps", type=int, default=WARM_STEPS, help=f"without --weights (default: {WARM_STEPS})")


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    given = parser.parse_args(args)
    if not 0 <= given.empty < 1:
        print(f"material: --empty: Expected a share from 0 up to but not 1. Received: {given.empty}", file=sys.stderr)
        return 2
    print(cached(given))
    return 0


def made(given):
    """The folder for parsed arguments, made in a process of its own, so that the caller stays small.

    Raises subprocess.CalledProcessError.
    """
    command = [sys.executable, __file__, *(f"--{name}={getattr(given, name)}" for name in ("size", "slices", "bags"))]
    command += [f"--empty={given.empty}", f"--warm-steps={given.warm_steps}"]
    command += [f"--weights={given.weights}"] if given.weights else []
    command += ["--set", *given.set] if given.set else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


def cached(given):
    """The folder for parsed arguments, made where it is not in the cache."""
    from mil_tf import embedded, options
    from mil_tf.recipes import remedios2020 as recipe
    from tfrecords import quiet

    quiet.tensorflow()
    facts = {
        "size": given.size, "slices": given.slices, "bags": given.bags, "empty": given.empty,
        "options": options.resolve(recipe.OPTIONS, options.parse_assignments(given.set)),
        "weights": _weights(given),
    }
    folder = embedded.cache_folder() / f"benchmark-{embedded.key(facts)}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as making:
            part = Path(making) / "part"
            part.mkdir()
            _make(part, facts, given)
            os.rename(part, folder)
    return folder


def _weights(given):
    if not given.weights:
        return (
            f"warm-up of {given.warm_steps} steps on {WARM_BAGS} phantoms of {min(given.size, WARM_SIZE)} pixels, "
            f"norm averages of {NORM_STEPS * NORM_BATCH} slices of {given.size}"
        )
    import hashlib

    return f"{given.weights}, sha256 {hashlib.sha256(Path(given.weights).read_bytes()).hexdigest()[:16]}"


def _make(folder, facts, given):
    images, labels = make_bags(facts)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    model = _model(facts, images, given)
    np.savez(folder / "weights.npz", **{
        f"{layer.name}/{i}": value for layer in model.layers for i, value in enumerate(layer.get_weights())
    })
    (folder / "facts.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def make_bags(facts):
    """Bags of equal numbers of slices, every second one positive: (images float16, labels int64 (bags,)).

    A phantom that has too few slices is filled up with those of the next one of its label.
    """
    wanted, count = facts["slices"], facts["bags"]
    empty = round(facts["empty"] * wanted)
    rng = np.random.default_rng(0)
    images = np.zeros((count, wanted, facts["size"], facts["size"], 1), np.float16)
    pools = [_full_slices(label, facts["size"], facts["empty"] > 0) for label in (0, 1)]
    labels = np.arange(count) % 2
    for bag, label in zip(images, labels):
        for place in rng.permutation(wanted)[empty:]:
            bag[place] = next(pools[label])
    return images, labels


def _full_slices(label, size, masked):
    """Yields slices that are not constant, phantom after phantom of one label."""
    for index in itertools.count():
        for image in phantom(FIRST + 2 * index + label, size, label, masked).instances:
            if np.ptp(image):
                yield image


def phantom(index, size, label, masked=False):
    """The Bag of one phantom, by way of its NIfTI file. Where `masked`, all but the brain is 0."""
    from preprocessing.ct import load_bag
    from preprocessing.phantoms import generate
    from preprocessing.phantoms.cohort import write_nifti
    from preprocessing.settings import CtSettings

    made = generate(0, index, size, bool(label))
    pixels = np.where(made.brain > 0, made.volume, 0).astype(np.int16) if masked else made.volume
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.nii.gz"
        write_nifti(path, pixels, made.affine)
        return load_bag(path, CtSettings(size, keep_empty=masked), id=f"phantom-{index}", label=label)


def _model(facts, images, given):
    from mil_tf.models.build import build_scorer

    if given.empty > 0:  # the learning is the same, so it is done once
        model = load_model(cached(argparse.Namespace(**{**vars(given), "empty": 0.0})))
    else:
        model = build_scorer(facts["options"], 0)
    if given.weights:
        model.load_weights(given.weights)
        return model
    if given.empty == 0:
        warm_up(model, facts["options"], min(given.size, WARM_SIZE), given.warm_steps)
    rng = np.random.default_rng(0)
    flat = images.reshape(-1, *images.shape[2:])
    for _ in range(NORM_STEPS):
        model(flat[rng.integers(len(flat), size=NORM_BATCH)].astype(np.float32), training=True)
    return model


def warm_up(model, options, size, steps):
    """The recipe's warm-up on phantoms of `size` pixels: random slices under their bag's label."""
    from mil_tf.data import MemorySource, epoch_order, windows
    from mil_tf.training.method import build_optimizer, build_signals

    source = MemorySource([phantom(index, size, index % 2) for index in range(WARM_BAGS)])
    signal, optimizer = build_signals({**options, "warm_up": 1}, model, None, 0)(0), build_optimizer(options)
    optimizer.build(model.trainable_variables)
    optimizer.learning_rate.assign(options["warm_up_learning_rate"])
    window = options["warm_up_window"]
    per_epoch = max(1, len(source) // window)
    for step in range(steps):
        epoch = step // per_epoch
        bags = windows(epoch_order(len(source), 0, epoch), window)[step % per_epoch]
        result = signal(source, bags, epoch)
        optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))


def load(folder):
    """(MemorySource of the bags, Keras model with the weights, its options), of a folder of this module."""
    from mil_tf.data import MemorySource
    from tfrecords import Bag

    folder = Path(folder)
    images, labels = np.load(folder / "images.npy"), np.load(folder / "labels.npy")
    source = MemorySource([
        Bag(id=f"bag-{i}", patient=f"bag-{i}", label=[label], instances=bag, source_index=np.arange(len(bag)))
        for i, (bag, label) in enumerate(zip(images, labels))
    ])
    return source, load_model(folder), options_of(folder)


def load_model(folder):
    """The Keras model with the weights of a folder of this module."""
    from mil_tf.models.build import build_scorer

    model = build_scorer(options_of(folder), 0)
    with np.load(Path(folder) / "weights.npz") as weights:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights([weights[f"{layer.name}/{i}"] for i in range(len(layer.weights))])
    return model


def options_of(folder):
    """The recipe's options that a folder of this module was made with."""
    return json.loads((Path(folder) / "facts.json").read_text(encoding="utf-8"))["options"]


def described(folder):
    """{"empty", "weights"}: the share of empty slices, and where the weights are from."""
    made = json.loads((Path(folder) / "facts.json").read_text(encoding="utf-8"))
    return {name: made[name] for name in ("empty", "weights")}


def window_at(index, window, bags):
    """The bags of repetition `index`: the same for every row."""
    return [(index * window + place) % bags for place in range(window)]


if __name__ == "__main__":
    sys.exit(main())
