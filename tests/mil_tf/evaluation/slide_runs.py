"""A data set of slides and a run's maps of them, as small as can be and with a detector of some skill."""

import csv
import json

import numpy as np
from scipy.ndimage import gaussian_filter

from tfrecords import Bag, Dataset
from tfrecords.writer import DatasetWriter

CELL, STRIDE, TILE = 32, 32, 96
LOCATIONS = ("breast", "kidney")
FACTS = {"tile": TILE, "mpp": 0.5, "stride": STRIDE, "margin": 64, "threshold": 0.4, "cell": CELL, "map": "tile"}


def slide_cells(number, shape=(24, 30), tumour=True):
    """{"pixels", "tissue", "positive", "cell"} of a slide: a blob of tissue, and one of tumour in it."""
    rng = np.random.default_rng(number)
    row, column = np.indices(shape)
    apart = np.hypot(row - shape[0] / 2 + rng.normal(0, 0.5), (column - shape[1] / 2) * 0.8)
    share = np.clip(0.45 * shape[0] - apart, 0, 1)
    inner = np.clip(rng.uniform(3, 6) - np.hypot(row - shape[0] / 2 + 2, column - shape[1] / 2 - 3), 0, 1)
    pixels = np.full(shape, CELL**2)
    tissue, positive = ((pixels * each).astype(np.uint16) for each in (share, np.minimum(inner, share) * tumour))
    return {"pixels": pixels.astype(np.uint16), "tissue": tissue, "positive": positive, "cell": CELL}


def write_slides(folder, count=8, truth=True, location=True, patient="p"):
    """Writes a data set of `count` slides, every second one with tumour, of a patient each but the last two."""
    bags, files = [], {}
    for number in range(count):
        cells, name = slide_cells(number, tumour=bool(number % 2)), f"slide_{number}.npz"
        kept = {key: value for key, value in cells.items() if truth or key != "positive"}
        files[name] = kept
        meta = {"cells": name, "tile": TILE, "location": LOCATIONS[number // 2 % 2] if location else ""}
        bags.append(Bag(f"slide/{number}", f"{patient}{min(number, count - 2)}", [number % 2], np.zeros((2, 4, 4, 3), np.uint8),
                        [0, 1], mpp=[0.5], meta=meta))
    info = {"classes": ["tumour"], "preprocessing": {"kind": "slides"}}
    writer = DatasetWriter(folder, [[bag.id for bag in bags]], info)
    with writer.shard(0) as shard:
        for bag in bags:
            shard.write(bag)
    writer.finish()
    (folder / "slides").mkdir()
    for name, kept in files.items():
        np.savez_compressed(folder / "slides" / name, **kept)
    return folder


def write_run(folder, data, name="test", seed=0, facts=FACTS, tables=("validation", "test")):
    """Writes a run with maps of all slides of a data set, and with `tables` beside that of the cohort."""
    dataset, rng = Dataset(data), np.random.default_rng(seed)
    (folder / f"maps-{name}").mkdir(parents=True)
    for number in range(len(dataset.rows)):
        cells = slide_cells(number, tumour=bool(number % 2))
        truth = cells["positive"] / np.maximum(1, cells["tissue"])
        logit = 4 * gaussian_filter(truth, 1.5) + gaussian_filter(rng.normal(0, 6, truth.shape), 1.5) - 2
        logit = np.where(cells["tissue"] > 0, logit, np.nan).astype(np.float32)
        np.savez_compressed(folder / f"maps-{name}" / f"slide_{number}.npz", logit=logit, stride=STRIDE)
    for table in dict.fromkeys((*tables, name)):
        with open(folder / f"predictions-{table}.csv", "w", newline="", encoding="utf-8") as file:
            scores = [(row.id, row.patient, row.label[0], f"{np.clip(0.3 * row.label[0] + 0.7 * rng.random(), 0, 1):.4f}")
                      for row in dataset.rows]
            csv.writer(file).writerows([("id", "patient", "y_true", "y_prob"), *scores])
    (folder / "export").mkdir(exist_ok=True)
    (folder / "export" / "mil_tf.json").write_text(json.dumps({"format": 1, "tiles": facts}))
    from mil_tf.runs import digest

    shards = digest(dataset.info.get("shards"))
    (folder / "config.json").write_text(json.dumps({"recipe": "lerousseau2020", "preprocessing": {"kind": "slides"},
                                                    "data": {"folder": str(data), "shards": shards}}))
    return folder
