import numpy as np
import pytest

from tfrecords import DatasetError


def test_arrays_become_the_schemas_types(make_bag):
    bag = make_bag(
        n=3, boxes=[[0, 1, 2, 3, 4]], box_class=[2], instance_label=[[0], [1], [-1]], level=1, mpp=0.5
    )
    assert bag.n == 3
    assert bag.boxes.dtype == np.float32 and bag.box_class.dtype == np.int64
    assert bag.level.shape == bag.mpp.shape == (1,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instance_label": np.zeros(5)}, r"instance_label: Expected \(5, 1\)\. Received: \(5,\)"),
        (
            {"source_index": np.arange(4)},
            r"instances: Expected \(4, 'h', 'w', 'c'\)\. Received: \(5, 8, 8, 1\)",
        ),
        ({"mask": np.zeros((5, 8, 9), np.uint8)}, r"mask: Expected \(5, 8, 8\)\. Received: \(5, 8, 9\)"),
        ({"mask": np.zeros((5, 8, 8), np.int16)}, "mask: Expected uint8. Received: int16"),
        ({"instances": np.zeros((5, 8, 8, 1), np.float32)}, "Expected float16 or uint8. Received: float32"),
        (
            {"boxes": np.zeros((2, 5)), "box_class": np.zeros(3)},
            r"box_class: Expected \(2,\)\. Received: \(3,\)",
        ),
        ({"instance_id": ["x"]}, "instance_id: Expected 5 names. Received: 1 names"),
        ({"affine": np.eye(3)}, r"affine: Expected \(4, 4\)\. Received: \(3, 3\)"),
        ({"label": 2}, r"label: Expected only 0, 1 or -1 \(unknown\)\. Received: \[2\]"),
        ({"patient": ""}, "Expected a bag with an id and a patient"),
    ],
)
def test_a_wrong_shape_is_refused_with_what_was_expected(make_bag, fields, message):
    with pytest.raises(DatasetError, match=message):
        make_bag(**fields)


def test_importing_the_package_imports_no_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, tfrecords.reader, tfrecords.writer, tfrecords.verify; print('tensorflow' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    )
