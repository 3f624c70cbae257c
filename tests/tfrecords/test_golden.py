"""The golden shard pins schema version 1: its bytes must never change, or old data sets could no longer be
read.

It was written once, from the repository's root, by

    python tests/tfrecords/test_golden.py
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from tfrecords import Bag, Dataset, example, reader, wire
from tfrecords.writer import DatasetWriter

GOLDEN = Path(__file__).parent / "golden"
SHA256 = "b5135ce58409cf861acb690b9516818fa809aad136673be2d9bc071df24cec1f"


def golden_bags():
    """Three bags: all features but the mask, the mask (its bytes depend on the zlib at hand), and a slide."""
    ramp = np.arange(-1000, -976).reshape(2, 4, 3, 1).astype(np.float16)
    full = Bag(
        id="full",
        patient="p1",
        label=[1, 0],
        instances=ramp,
        source_index=[7, 3],
        instance_id=["1.2.840.1", "1.2.840.2"],
        instance_label=[[1, 0], [-1, 0]],
        boxes=[[0, 1, 1, 2.5, 3]],
        box_class=[2],
        box_drawn=[1],
        points=[[1, 0.5, 1.5, 4]],
        spacing=[0.5, 0.5, 5],
        affine=np.diag([-0.5, -0.5, 5, 1]),
        source_affine=np.diag([0.5, 0.5, 5, 1]),
        source_shape=[3, 4, 8],
        transform=np.eye(4),
        meta={"site": "Zürich", "volume_cm3": 21.5},
    )
    mask = np.tri(4, 3, dtype=np.uint8)[None].repeat(2, 0)
    masked = Bag(id="masked", patient="p1", label=[0, 0], instances=ramp, source_index=[0, 1], mask=mask)
    tiles = {"source_path": "a.svs", "level": 1, "mpp": 0.5, "coords": [[0, 8], [224, 8]]}
    slide = Bag(id="slide", patient="p2", label=[0, 1], instances=None, source_index=[0, 1], **tiles)
    return [full, masked, slide]


def same(found, wanted):
    for name in Bag.__dataclass_fields__:
        one, other = getattr(found, name), getattr(wanted, name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=name)
            assert one.dtype == other.dtype, name
        else:
            assert one == other, name


def test_the_file_is_the_one_that_was_frozen():
    data = (GOLDEN / "bags-00000-of-00001.tfrecord").read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256


def test_it_is_read_as_it_was_written():
    dataset = Dataset(GOLDEN)
    for row, bag in zip(dataset.rows, golden_bags()):
        same(reader.read_bag(dataset.folder, row), bag)
    np.testing.assert_array_equal(
        next(reader.iter_instances(GOLDEN, dataset.rows[0], 1)).ravel(), np.arange(12) - 1000
    )


def test_the_same_bags_are_written_to_the_same_bytes():
    rows = Dataset(GOLDEN).rows
    shard = (GOLDEN / rows[0].shard).read_bytes()
    for row, bag in zip(rows, golden_bags()):
        written, stored = example.encode(bag), shard[row.offset + 12 : row.offset + row.length - 4]
        if bag.mask is None:
            assert written == stored
        else:
            names = [wire.walk(io.BytesIO(data), 0, len(data)).keys() for data in (written, stored)]
            assert names[0] == names[1]


if __name__ == "__main__":
    writer = DatasetWriter(GOLDEN, [["full", "masked", "slide"]], {"classes": ["epidural", "subdural"]})
    with writer.shard(0) as golden:
        for golden_bag in golden_bags():
            golden.write(golden_bag)
    print(writer.finish()["shards"])
