"""A data set that trains in seconds, and one finished run on it, shared by all tests that only read them."""

import csv
from pathlib import Path

import numpy as np
import pytest

import train
from tfrecords import Bag
from tfrecords.writer import DatasetWriter

SETTINGS = {"kind": "ct", "settings": {"size": 16}, "hash": "0123456789abcdef"}
# Columns run to the left, rows backwards, slices upwards with a tilt: z = 5 * source_index + 0.1 * row - 20.
AFFINE = np.float32([[-0.5, 0, 0, 4], [0, -0.5, 0, 4], [0, 0.1, 5, -20], [0, 0, 0, 1]])
SPLITS = {"train": 14, "validation": 4, "test": 6}
# Everything that holds state is on (batch norm, dropout, augmentation, schedule), every portion divides nothing.
OPTIONS = (
    "backbone=resnet10 width=2 stem=small norm=batch dropout=0.2 augmentation=geometric schedule=cosine "
    "learning_rate=0.01 warm_up=1 warm_up_instances=2 window=5 chunk=7 micro_batch=4 max_epochs=4 patience=9 "
    "image_every=2 scaling=window window_center=40 window_width=80 warm_up_window=5 warm_up_learning_rate=0.01 "
    "freeze_norm=false"
).split()


def _bag(index):
    rng, label, count = np.random.default_rng(index), index % 2, 3 + index % 3
    pixels = rng.normal(30, 8, (count, 16, 16, 1)).astype(np.float16)
    truth = np.zeros((count, 1), np.int64)
    if label:
        pixels[0, 4:9, 5:10] += 40
        truth[0] = 1
    return Bag(
        id=f"bag-{index:02d}", patient=f"patient-{index:02d}", label=[label], instances=pixels, affine=AFFINE,
        spacing=[0.5, 0.5, 5], source_index=rng.permutation(count + 2)[:count],
        instance_label=truth if index % 4 else None,
    )


def _write(folder, shift=0):
    bags = [_bag(index) for index in range(shift, shift + sum(SPLITS.values()))]
    ids = [bag.id for bag in bags]
    writer = DatasetWriter(folder, [ids[:10], ids[10:]], {"classes": ["hemorrhage"], "preprocessing": SETTINGS})
    by_id = {bag.id: bag for bag in bags}
    for index in writer.pending:
        with writer.shard(index) as shard:
            for id in writer.shards[index]:
                shard.write(by_id[id])
    writer.finish()
    with open(folder / "splits.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "patient", "split", "fold"))
        for fold, names in enumerate(_folds()):
            table.writerows((bag.id, bag.patient, name, fold) for bag, name in zip(bags, names))
    return folder


def _folds():
    """Two folds; the second has one training bag fewer."""
    first = [name for name, count in SPLITS.items() for _ in range(count)]
    second = ["validation"] * 5 + ["train"] * 13 + ["test"] * 6
    return first, second


@pytest.fixture(scope="session")
def write_tiny():
    """write_tiny(folder, shift=0) -> the folder, now with 24 bags of 3 to 5 slices 16x16 and splits.csv."""
    return _write


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """A folder of bags that no test may change."""
    return _write(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="session")
def tiny_arguments():
    """tiny_arguments(data, out, *more) -> arguments of train.py for a run of seconds; `more` comes last and wins."""

    def arguments(data, out, *more):
        return ["--data", str(data), "--out", str(out), "--set", *OPTIONS, *map(str, more)]

    return arguments


@pytest.fixture
def train_tiny(tiny_data, tiny_arguments, tmp_path, capsys):
    """train_tiny(*more, data, out) -> (exit code, stdout, stderr) of train.py in this process."""

    def run(*more, data=tiny_data, out=None):
        capsys.readouterr()
        code = train.main(tiny_arguments(data, out or tmp_path / "runs", *more))
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def tiny_run(tiny_data, tiny_arguments, tmp_path_factory):
    """The folder of a finished run that no test may change."""
    out = tmp_path_factory.mktemp("runs")
    assert train.main(tiny_arguments(tiny_data, out)) == 0
    return out / "remedios2020" / "bags-14" / "fold-0" / "seed-0"


@pytest.fixture(scope="session")
def bits():
    """bits(run) -> everything that must be equal where two runs are: weights, history and tables."""

    def read(run):
        import h5py

        run, found = Path(run), {}
        with h5py.File(run / "checkpoints" / "best.weights.h5") as file:
            file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "dtype") else None)
        assert found
        weights = {name: value.tobytes() for name, value in found.items()}
        tables = ["bags", "history", *(f"{kind}-{name}" for kind in ("predictions", "instances")
                                       for name in ("validation", "test"))]
        return {**weights, **{name: (run / f"{name}.csv").read_bytes() for name in tables}}

    return read
