"""Fields of two channels and three classes, told by the form of their cells: a data set that trains in seconds."""

import csv

import numpy as np

from tfrecords import Bag
from tfrecords.writer import DatasetWriter

CLASSES = ["disc", "dots", "ring"]
CHANNELS = ["DNA", "Actin"]
SIZES = ((48, 48), (40, 60))  # of every other field
SPLITS = {"train": 24, "validation": 9, "test": 9}  # of 42 fields
RADIUS = 6


def settings(single=True, channels=CHANNELS):
    """What dataset.json tells of the preprocessing."""
    return {
        "kind": "fields", "algorithm": 1, "unit": "field", "settings": {}, "hash": "0123456789abcdef",
        "channels": list(channels), "single_label": single,
    }


def field(index, several=False, sizes=SIZES):
    """The Bag of a field; with `several`, every third one has two classes."""
    rng = np.random.default_rng([7, index])
    height, width = sizes[index % len(sizes)]
    shown = [index % 3, (index + 1) % 3] if several and index % 3 == 0 else [index % 3]
    pixels = rng.normal(0.2, 0.02, (height, width, 2)).clip(0, 1)
    points, mask = [], np.zeros((height, width), np.uint8)
    for number, (y, x) in enumerate(_centres(rng, height, width)):
        kind = shown[number % len(shown)]
        _draw(pixels, mask, y, x, kind)
        points.append((0, y, x, kind if number else -1))  # of the first, the class is not told
    return Bag(
        id=f"plate{index % 3}_A{index:02d}_s1", patient=f"plate{index % 3}_A{index:02d}",
        label=np.isin(np.arange(3), shown).astype(int), instances=pixels[None].astype(np.float16), source_index=[0],
        points=points, mask=mask[None],
        meta={"plate": f"plate{index % 3}", "well": f"A{index:02d}", "site": 1, "replicate": str(index % 3),
              "treatment": f"compound {index % 6}"},
    )


def write_fields(folder, several=False, info=None, sizes=SIZES, count=42):
    """Writes the data set with one fold of SPLITS; returns its folder."""
    bags = [field(index, several, sizes) for index in range(count)]
    told = info or {"classes": CLASSES, "preprocessing": settings(not several)}
    writer = DatasetWriter(folder, [[bag.id for bag in bags]], told)
    with writer.shard(0) as shard:
        for bag in bags:
            shard.write(bag)
    writer.finish()
    names = [name for name, some in SPLITS.items() for _ in range(some)]
    with open(folder / "splits.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "patient", "split", "fold"))
        table.writerows((bag.id, bag.patient, name, 0) for bag, name in zip(bags, names))
    return folder


def _centres(rng, height, width):
    """Two to four cells, apart, one of them at the border."""
    found = [(2.0, float(rng.uniform(10, width - 10)))]
    for _ in range(40):
        y, x = rng.uniform(8, height - 8), rng.uniform(8, width - 8)
        if all(np.hypot(y - top, x - left) > 2 * RADIUS + 2 for top, left in found):
            found.append((float(y), float(x)))
    return found[: 2 + int(rng.integers(3))]


def _draw(pixels, mask, y, x, kind):
    rows, columns = np.indices(mask.shape)
    away = np.hypot(rows - y, columns - x)
    inside = away <= RADIUS
    dots = inside & (rows % 4 < 2) & (columns % 4 < 2)
    form = (inside, dots, inside & (away > RADIUS - 2))[kind]
    pixels[form, 0] += 0.5
    pixels[inside, 1] += 0.2
    mask[inside] = 1 + kind
