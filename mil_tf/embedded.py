"""The data set that is always there: phantoms, made once and cached, for a command without --data."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tfrecords.dataset import Dataset
from tfrecords.schema import SCHEMA_VERSION

CACHE = "MIL_TF_CACHE"  # environment variable: another folder for the cache
# Our decision: what trains to the numbers of the README in minutes on two cores.
PHANTOMS = {"n": 800, "size": 96, "seed": 0}
# Bags of one slice, shared out by whole patients; a larger part than the paper's 3 % validates, as there are few.
SLICES = {"n": 300, "size": 96, "seed": 1, "unit": "slice", "test": 0.3, "validation": 0.05}
# Slides of 2 x 2 mm, four times coarser than the paper's, with some hundred tiles of 128 um each (the paper's: 112).
# Test 20 and validation 15 % of all patients, as there; 0.1875 is of those that are not test.
SLIDES = {
    "n": 120, "size": 1024, "mpp": 2.0, "tile": 64, "cell": 8, "seed": 0, "unit": "slide",
    "test": 0.2, "validation": 0.1875,
}
# Fields of a sixteenth of the pixels of BBBC021's, cells at half their scale, 40 of each mechanism, split by wells.
FIELDS = {
    "kind": "mechanisms", "n": 480, "size": (256, 320), "scale": 0.5, "seed": 0, "unit": "field", "test": 0.3,
    "validation": 0.15,
}
# Slices with the five types of bleed: a pixel set that is drawn as the paper draws it, tested on all slices of patients
# of its own; and an image-level set of other patients, three times as many (the paper's is 20 times as large).
TYPES = "epidural,subdural,intraparenchymal,intraventricular,subarachnoid"  # values 1 to 5 of the phantoms' masks
BLEEDS = {
    "n": 40, "size": 96, "seed": 2, "prevalence": 0.85, "unit": "bleeds", "test": 0.4, "validation": 0.1,
}
BLEED_IMAGES = {"n": 120, "size": 96, "seed": 3, "prevalence": 0.85, "unit": "bleed-images"}
EMBEDDED_IMAGES = {"parida2021": BLEED_IMAGES}
EMBEDDED = {"remedios2020": PHANTOMS, "nemcek2021": SLICES, "lerousseau2020": SLIDES, "kraus2016": FIELDS,
            "parida2021": BLEEDS}
FOLDS_SEED = 0
ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


class EmbeddedError(ValueError):
    """The embedded data set cannot be made; the message is one line."""


def embedded_dataset(recipe, show=print, known=None):
    """Returns the folder of the recipe's embedded data set, which is made where it is not in the cache.

    The cache is $MIL_TF_CACHE or ~/.cache/mil_tf. Its folders are named by a hash of the phantoms' settings
    and of the code that makes them, so that a changed generator never mixes with old phantoms. A folder
    appears there whole; of processes that make it at the same time, the first one's stays.

    Args:
        recipe: name of the recipe.
        show: called with each line on what is done.
        known: {recipe: settings} of what is made, EMBEDDED unless given; EMBEDDED_IMAGES are image-level sets.

    Returns:
        pathlib.Path of a folder of bags with splits.

    Raises:
        EmbeddedError: the recipe has no embedded data set, or it could not be made.
    """
    known = EMBEDDED if known is None else known
    if recipe not in known:
        raise EmbeddedError(f"{recipe} has no embedded data set; give --data DIR.")
    settings = known[recipe]
    folder = cache_folder() / f"phantoms-{settings.get('unit', 'ct')}-{key(settings)}"
    if folder.exists():
        show(f"no --data: the phantoms in {folder}")
        return folder
    show(f"no --data: making {settings['n']} phantoms, once, in {folder}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as making:
            _move(_make(Path(making), settings), folder, lambda: Dataset(folder))
    except OSError as error:
        raise EmbeddedError(
            f"{folder} cannot be made: {error}; make room, set {CACHE} to another folder, or give --data DIR."
        ) from error
    return folder


def cache_folder():
    """Where embedded data sets are kept."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "mil_tf").absolute()


def key(settings):
    """Names a data set by all that decides its bytes: settings, code, schema."""
    digest = hashlib.sha256(json.dumps([settings, FOLDS_SEED, SCHEMA_VERSION], sort_keys=True).encode())
    code = ROOT / "preprocessing"
    for path in sorted(code.rglob("*.py")):
        digest.update(path.relative_to(code).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _make(folder, settings):
    data = folder / "data"
    if settings.get("unit") in ("bleeds", "bleed-images"):
        _bleeds(folder / "phantoms", data, settings)
        return data
    made = {"slide": _slides, "field": _fields}.get(settings.get("unit"), _scans)
    made(folder / "phantoms", data, settings)
    whole = ["--whole"] if settings.get("unit") in ("slice", "slide") else []  # fields always are shared out whole
    parts = [f"--{part}-fraction={settings[part]}" for part in ("test", "validation") if part in settings]
    _run("split", "--data", str(data), "--seed", str(FOLDS_SEED), *whole, *parts)
    return data


def _scans(made, data, settings):
    size = str(settings["size"])
    _run("phantoms", "ct", *_given(settings, "n", "size", "seed"), "--out", str(made))
    truth = ["--masks", str(made / "masks"), "--slice-labels", str(made / "slices.csv")]
    source = ["--scans", str(made / "scans"), "--labels", str(made / "labels.csv")]
    unit = ["--unit", settings["unit"]] if "unit" in settings else []
    _run("ct", *source, *truth, *unit, "--size", size, "--no-qc", "--out", str(data))


def _bleeds(made, data, settings):
    images = settings["unit"] == "bleed-images"
    _run("phantoms", "ct", *_given(settings, "n", "size", "seed", "prevalence"), "--out", str(made))
    if images:  # phantoms of every seed are called the same
        table = made / "labels.csv"
        table.write_text(table.read_text(encoding="utf-8").replace("patient-", "image-patient-"), encoding="utf-8")
    truth = ["--masks", str(made / "masks"), "--slice-labels", str(made / "types.csv"), "--mask-classes", TYPES]
    source = ["--scans", str(made / "scans"), "--labels", str(made / "labels.csv"), "--unit", "slice", "--types"]
    _run("ct", *source, *truth, "--size", str(settings["size"]), "--no-qc", "--out", str(data))
    if images:
        _run("sample", "--data", str(data), "--kind", "image", "--seed", str(FOLDS_SEED))
        return
    _split_pixels(data, settings)


def _split_pixels(data, settings):
    """Deals whole patients; of those that are not tested, slices as `preprocessing sample --kind pixel` draws them."""
    from preprocessing.cohort import Volume
    from preprocessing.sample import pixel_set
    from preprocessing.whole import VALIDATION, draw_whole
    from tfrecords.dataset import SPLIT_COLUMNS, SPLITS
    from tfrecords.writer import csv_text, write_text

    rows = Dataset(data).rows
    volumes = [Volume(row.id, row.patient, int(any(row.label))) for row in rows]
    place = draw_whole(volumes, FOLDS_SEED, settings["validation"], settings["test"]).place
    drawn = {row.id for row in pixel_set(rows, np.random.default_rng(FOLDS_SEED))}
    kept = [(row.id, row.patient, "validation" if place[row.id] == VALIDATION else place[row.id], 0) for row in rows
            if place[row.id] == "test" or row.id in drawn]
    write_text(data / SPLITS, csv_text(SPLIT_COLUMNS, kept))


def _slides(made, data, settings):
    kept = cache_folder() / f"slides-{key(settings)}"
    if not kept.exists():
        _run("phantoms", "slides", *_given(settings, "n", "size", "mpp", "seed"), "--out", str(made))
        _move(made, kept, lambda: (kept / "labels.csv").stat())
    # Bags name the slide that they are of, and maps are made of it: it must lie where it stays.
    source = ["--slides", str(kept / "slides"), "--labels", str(kept / "labels.csv"), "--masks", str(kept / "masks")]
    tiles = ["--target-mpp", str(settings["mpp"]), *_given(settings, "tile", "cell")]
    _run("slides", *source, *tiles, "--materialise", "--no-qc", "--out", str(data))


def _fields(made, data, settings):
    _run("phantoms", "fields", *_given(settings, "kind", "n", "size", "scale", "seed"), "--out", str(made))
    labels = ["--images", str(made / "images.csv"), "--moa", str(made / "moa.csv"), "--root", str(made / "images")]
    truth = ["--cells", str(made / "cells.csv"), "--masks", str(made / "masks")]
    _run("fields", *labels, *truth, "--no-qc", "--out", str(data))


def _given(settings, *names):
    """--name and its value, or its several ones, of each name."""
    values = {name: np.atleast_1d(settings[name]).tolist() for name in names}
    return [word for name in names for word in (f"--{name}", *map(str, values[name]))]


def _run(*args):
    # What it prints has paths of a folder that will be gone; its progress and its errors come on stderr.
    command = [sys.executable, "-m", "preprocessing", *args]
    code = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        raise EmbeddedError(f"the phantoms cannot be made: `preprocessing {args[0]}` ended with code {code}.")


def _move(made, folder, check):
    try:
        os.rename(made, folder)
    except OSError:
        check()  # another process was first; raises where it was not that
