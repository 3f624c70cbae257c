"""Bags of one slice, a bright square in some: a data set of slices that trains in seconds."""

import csv

import numpy as np

from tfrecords import Bag
from tfrecords.writer import DatasetWriter

SETTINGS = {"kind": "ct", "unit": "slice", "settings": {"size": 16, "brain": "none"}, "hash": "0123456789abcdef"}
SIZES = {"train": 6, "validation": 2, "test": 8}  # patients of four slices each


def one_slice(patient, index):
    """The Bag of a patient's slice; the first two of every other patient bleed."""
    rng = np.random.default_rng(10 * patient + index)
    pixels = rng.normal(30, 4, (1, 16, 16, 1)).astype(np.float16)
    mask, label = np.zeros((1, 16, 16), np.uint8), int(patient % 2 and index < 2)
    if label:
        mask[0, 3:9, 4 + index : 10 + index] = 1
        pixels[mask > 0] += 45
    name = f"p{patient:02d}"
    return Bag(
        id=f"{name}/{index}", patient=name, label=[label], instances=pixels, source_index=[index],
        instance_label=[[label]], mask=mask,
    )


def write_slices(folder):
    """Writes the data set with one fold of SIZES; returns its folder."""
    bags = {(p, i): one_slice(p, i) for p in range(sum(SIZES.values())) for i in range(4)}
    info = {"classes": ["hemorrhage"], "preprocessing": SETTINGS}
    writer = DatasetWriter(folder, [[bag.id for bag in bags.values()]], info)
    with writer.shard(0) as shard:
        for bag in bags.values():
            shard.write(bag)
    writer.finish()
    names = [name for name, count in SIZES.items() for _ in range(count)]
    with open(folder / "splits.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "patient", "split", "fold"))
        table.writerows((bag.id, bag.patient, names[patient], 0) for (patient, _), bag in bags.items())
    return folder
