"""Folders of small candidates: a grey square of bleeding in each slice, and an outline about it."""

import numpy as np
import pytest

from mil_tf.review.candidates import write_candidate, write_table

CLASSES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SIZE = 24


def make(folder, n=6, ids=None):
    """A folder of n candidates, two of a patient; the last one is known to be healthy."""
    ids = ids or [f"scan {at // 2}/slice,{at}" for at in range(n)]
    rows = []
    for at, id in enumerate(ids):
        hu = np.random.default_rng(at).normal(30, 5, (SIZE, SIZE))
        hu[5:11, 6:14] = 70
        prediction = np.zeros((SIZE, SIZE), np.uint8)
        prediction[5:11, 6 + at % 3:14] = 1 + at % len(CLASSES)
        write_candidate(folder, id, hu, prediction)
        rows.append((id, f"patient {at // 2}", [CLASSES[at % len(CLASSES)]] if at < len(ids) - 1 else []))
    write_table(folder, rows, CLASSES, "a test", (0.5, 0.5))
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder of six candidates."""
    return make(tmp_path / "round-1")


@pytest.fixture
def make_folder(tmp_path):
    """make_folder(n, ids) -> folder."""
    return lambda n=6, ids=None: make(tmp_path / "made", n, ids)


@pytest.fixture
def row():
    """row(id, decision, reviewer, second) -> Row."""
    from mil_tf.review.decisions import Row

    def made(id, decision, reviewer="anna", second=0.0):
        minutes, seconds = divmod(second, 60)
        return Row(f"2021-06-01T12:{int(minutes):02d}:{seconds:06.3f}Z", reviewer, id, decision)

    return made
