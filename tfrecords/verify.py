"""Is a folder of bags what it says it is? One line a finding.

Everything is read once, block by block, so that memory does not follow the size of a bag or shard.
"""

import collections
from pathlib import Path

import numpy as np

from tfrecords import reader, record
from tfrecords.dataset import SPLITS, Dataset, leaking_patients, read_splits, split_problems
from tfrecords.errors import DatasetError
from tfrecords.wire import Damaged
from tfrecords.writer import file_hash

BLOCK = 32
SUM_FACTS = ("bags", "instances", "patients")


def findings(folder):
    """Yields one line for each thing that is wrong with a folder of bags; nothing where all is well."""
    try:
        dataset = Dataset(folder)
    except DatasetError as error:
        yield str(error)
        return
    yield from _tables(dataset)
    rows_of = {}
    for row in dataset.rows:
        rows_of.setdefault(row.shard, []).append(row)
    for shard in dataset.info.get("shards", []):
        yield from _shard(dataset, shard, rows_of.get(shard["name"], []))
    yield from _beside(dataset)
    yield from _splits(dataset)


def _beside(dataset):
    """Files beside the shards that predictions need, such as a template."""
    for name, wanted in dataset.info.get("beside", {}).get("files", {}).items():
        path = dataset.folder / name
        if not path.is_file():
            yield f"{name}: is missing"
        elif file_hash(path) != wanted:
            yield f"{name}: its sha256 differs from dataset.json"


def _tables(dataset):
    rows, info = dataset.rows, dataset.info
    times = collections.Counter(row.id for row in rows)
    for id in sorted(id for id, count in times.items() if count > 1):
        yield f"bags.csv: id {id} is there {times[id]} times"
    found = {
        "bags": len(rows),
        "instances": sum(row.n for row in rows),
        "patients": len({row.patient for row in rows}),
    }
    for name in SUM_FACTS:
        told = info.get("counts", {}).get(name)
        if told != found[name]:
            yield f"dataset.json: counts {told} {name}, bags.csv has {found[name]}"
    named = {shard["name"] for shard in info.get("shards", [])}
    for name in sorted({row.shard for row in rows} - named):
        yield f"bags.csv: shard {name} is not in dataset.json"
    known = named | {row.shard for row in rows}
    for path in sorted(dataset.folder.glob("*.tfrecord")):
        if path.name not in known:
            yield f"{path.name}: is not in dataset.json"


def _shard(dataset, shard, rows):
    path = dataset.folder / shard["name"]
    if not path.exists():
        yield f"{path.name}: is missing"
        return
    whole = path.stat().st_size == shard["bytes"]
    if not whole:
        yield f"{path.name}: is {path.stat().st_size} bytes, dataset.json says {shard['bytes']}"
    elif file_hash(path) != shard["sha256"]:
        yield f"{path.name}: its sha256 differs from dataset.json"
    if len(rows) != shard["records"]:
        yield f"{path.name}: has {shard['records']} records in dataset.json, {len(rows)} in bags.csv"
    yield from _framing(path, rows)
    for row in rows:
        yield from _bag(dataset, row)


def _framing(path, rows):
    """Compares where the records lie with bags.csv; a broken frame is left to the record's own finding."""
    found = []
    try:
        with open(path, "rb") as file:
            found.extend(record.spans(file))
    except Damaged as error:
        if len(found) >= len(rows):
            yield f"{path.name}: after record {len(found) - 1}, {error}"
        return
    if found != [(row.offset, row.length) for row in rows]:
        yield f"{path.name}: has {len(found)} records, not where bags.csv says its {len(rows)} are"


def _bag(dataset, row):
    where = f"{row.shard} (bag {row.id})"
    try:
        fields = reader.read_fields(dataset.folder, row)
        stored = "source_path" if fields.source_path else "instances"
        if stored == "source_path":
            reader.read_bag(dataset.folder, row)
        else:
            yield from (f"{where}: {line}" for line in _pixels(dataset, row, fields))
    except DatasetError as error:
        yield str(error)
        return
    for name, value in (
        ("patient", fields.patient),
        ("label", tuple(fields.label.tolist())),
        ("n", fields.n),
    ):
        if value != getattr(row, name):
            yield f"{where}: its {name} is {value}, bags.csv says {getattr(row, name)}"
    for name in ("boxes", "points", "spacing", "affine", "source_affine", "transform", "mpp"):
        value = getattr(fields, name)
        if value is not None and not np.isfinite(value).all():
            yield f"{where}: {name} has non-finite values"


def _pixels(dataset, row, fields):
    _, shape = reader.read_shape(dataset.folder, row)
    if shape[0] != fields.n:
        yield f"has {shape[0]} instances, source_index {fields.n}"
    start, bad = 0, []
    for block in reader.iter_instances(dataset.folder, row, BLOCK):
        finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
        bad += [start + int(index) for index in np.flatnonzero(~finite)]
        start += len(block)
    if bad:
        yield f"{len(bad)} instances have non-finite values, the first is {bad[0]}"
    reader.read_mask(dataset.folder, row)  # raises where it cannot be unpacked to the instances' shape


def _splits(dataset):
    path = Path(dataset.folder) / SPLITS
    if not path.exists():
        return
    try:
        rows = read_splits(path)
    except DatasetError as error:
        yield str(error)
        return
    yield from (f"{SPLITS}: {line}" for line in split_problems(rows, dataset.by_id))
    folds = sorted({fold for *_, fold in rows})
    for fold in folds:
        yield from (f"{SPLITS}, fold {fold}: {line}" for line in leaking_patients(rows, fold))
        for name in ("train", "test"):
            if not any(row[2] == name and row[3] == fold for row in rows):
                yield f"{SPLITS}, fold {fold}: has no {name} bags"
    yield from _changing_test(rows, folds)


def _changing_test(rows, folds):
    tests = [
        {id for id, _, split, row_fold in rows if split == "test" and row_fold == fold} for fold in folds
    ]
    for fold, test in zip(folds[1:], tests[1:]):
        if test != tests[0]:
            yield f"{SPLITS}, fold {fold}: its test set differs from that of fold {folds[0]}"
