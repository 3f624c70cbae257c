"""Slices with bleeds of two types, told by their brightness: pixel set and image-level set that train in seconds."""

import csv

import numpy as np

from tfrecords import Bag
from tfrecords.writer import DatasetWriter

CLASSES = ["epidural", "subdural"]
SETTINGS = {"kind": "ct", "unit": "slice", "settings": {"size": 32, "brain": "none"}, "hash": "0123456789abcdef"}
SPLITS = {"train": 6, "validation": 2, "test": 3}  # patients of four slices each
SIDE = 32


def bleed(patient, index, prefix="p", masks=True):
    """The Bag of a patient's slice: the first has no blood, the second the first type, the others either."""
    rng = np.random.default_rng([5, patient, index])
    kind = 0 if index == 0 else 1 + (index + patient) % 2
    pixels = rng.normal(30, 3, (1, SIDE, SIDE, 1))
    mask = np.zeros((1, SIDE, SIDE), np.uint8)
    if kind:
        top, left = rng.integers(3, SIDE - 14, 2)
        mask[0, top : top + 9, left : left + 9] = kind
        pixels[mask > 0] += 25 if kind == 1 else 60
    name, label = f"{prefix}{patient:02d}", [int(kind == 1), int(kind == 2)]
    return Bag(
        id=f"{name}/{index}", patient=name, label=label, instances=pixels.astype(np.float16), source_index=[index],
        instance_label=[label], mask=mask if masks else None, spacing=[1.0, 2.0, 5.0],
    )


def write_bleeds(folder, patients=None, prefix="p", masks=True, splits=SPLITS, change=lambda bag: bag, info=None):
    """Writes a data set with one fold of `splits` (None: without); returns its folder."""
    count = sum(splits.values()) if splits else patients
    bags = {(p, i): change(bleed(p, i, prefix, masks)) for p in range(count) for i in range(4)}
    told = {"classes": CLASSES, "preprocessing": SETTINGS} if info is None else info
    writer = DatasetWriter(folder, [[bag.id for bag in bags.values()]], told)
    with writer.shard(0) as shard:
        for bag in bags.values():
            shard.write(bag)
    writer.finish()
    if splits:
        names = [name for name, count in splits.items() for _ in range(count)]
        with open(folder / "splits.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("id", "patient", "split", "fold"))
            table.writerows((bag.id, bag.patient, names[patient], 0) for (patient, _), bag in bags.items())
    return folder
