"""The trivial detector's score of every bag of a cohort, taken from the data set once and kept beside the run."""

import csv
import functools
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mil_tf.evaluation.baselines import largest_component
from mil_tf.runs import digest, read_json, write_table

SHORT = 10  # seconds that need no announcement; our decision
COLUMNS = ("id", "largest_component_cm3")


class NotComputed(ValueError):
    """The data set cannot answer; the message is one line that says why."""


def trivial_scores(run, cohort, ids, data=None, show=print):
    """Volume in cm3 of every bag's largest component of blood's attenuation.

    Kept in `baseline-<cohort>.csv` of the run, and read from there the next time.

    Args:
        run: run folder, with a config.json that names its data set.
        cohort, ids: name of the table, and its bags.
        data: folder of the cohort's data set, where it is not the run's own.
        show: called with a line before work of some length.

    Returns:
        float64 (n,), in the order of `ids`.

    Raises:
        NotComputed: if the data set is not here, has changed, is no CT, or lacks a bag.
    """
    kept = run / f"baseline-{cohort}.csv"
    found = _read(kept)
    if not set(ids) <= set(found):
        found = _compute(run, cohort, ids, data, show)
        write_table(kept, COLUMNS, found.items())
    return np.array([found[id] for id in ids])


def _read(path):
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return {row["id"]: float(row["largest_component_cm3"]) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError):  # absent, or cut off: it is made again
        return {}


def _compute(run, cohort, ids, data, show):
    dataset = _open(run, data)
    missing = [id for id in ids if id not in dataset.by_id]
    if missing:
        raise NotComputed(f"not computed: bag {missing[0]} is not in {dataset.folder}")
    rows, mark = [dataset.by_id[id] for id in ids], digest(dataset.info["shards"])
    started = time.monotonic()
    _volume(dataset.folder, mark, rows[0])
    cores = os.cpu_count() or 1
    seconds = (time.monotonic() - started) * len(rows) / cores
    if seconds > SHORT:
        show(f"trivial baseline of {cohort}, {len(rows)} bags of {dataset.folder}: once, about {seconds / 60:.1f} min")
    with ThreadPoolExecutor(cores) as pool:
        volumes = pool.map(functools.partial(_volume, dataset.folder, mark), rows)
        return dict(zip(ids, volumes))


def _open(run, data):
    """The cohort's Dataset, as it was when the run was trained on it."""
    from tfrecords import Dataset, DatasetError

    config = _config(run)
    folder = data or config.get("folder")
    if folder is None:
        raise NotComputed("not computed: the run's config.json names no data set")
    try:
        dataset = Dataset(folder)
    except DatasetError:
        raise NotComputed(f"not computed: no data set in {folder}") from None
    if dataset.info.get("preprocessing", {}).get("kind") != "ct":
        raise NotComputed(f"not computed: it is defined in HU, and {folder} was not made from CT")
    if data is None and digest(dataset.info["shards"]) != config.get("shards"):
        raise NotComputed(f"not computed: {folder} has changed since the run was trained on it")
    return dataset


def _config(run):
    try:
        return read_json(run / "config.json").get("data") or {}
    except (OSError, ValueError):
        return {}


@functools.cache  # of the runs of a grid, all but the first find their bags here
def _volume(folder, mark, row):
    from tfrecords import reader

    bag = reader.read_bag(folder, row)
    if bag.spacing is None:
        raise NotComputed(f"not computed: bag {row.id} has no spacing")
    return largest_component(bag.instances[np.argsort(bag.source_index)], bag.spacing)
