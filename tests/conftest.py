"""Fixtures that several rooms share: small bags, and folders of them."""

import signal
import threading

import numpy as np
import pytest

from tfrecords import Bag
from tfrecords.writer import DatasetWriter


def pytest_configure(config):
    """A shell in the background starts its children deaf to Ctrl-C; the tests that send one need to be heard."""
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if deaf and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _make_bag(id="a", n=5, size=8, label=1, seed=0, **more):
    random = np.random.default_rng([seed, n])
    pixels = random.normal(30, 100, (n, size, size, 1)).astype(np.float16)
    given = {"patient": f"patient-{id}", "instances": pixels, "source_index": random.permutation(n), **more}
    return Bag(id=id, label=np.atleast_1d(label), **given)


@pytest.fixture
def make_bag():
    """make_bag(id, n, size, label, **fields) -> Bag of random slices."""
    return _make_bag


@pytest.fixture
def write_dataset(tmp_path):
    """write_dataset(bags, shards=[[ids]], name) -> folder."""

    def write(bags, shards=None, name="data", info=None):
        by_id = {bag.id: bag for bag in bags}
        writer = DatasetWriter(tmp_path / name, shards or [list(by_id)], info or {"classes": ["hemorrhage"]})
        for index in writer.pending:
            with writer.shard(index) as shard:
                for id in writer.shards[index]:
                    shard.write(by_id[id])
        writer.finish()
        return tmp_path / name

    return write
