import numpy as np

from mil_tf.evaluation.map_figure import Shown
from mil_tf.evaluation.map_file import chosen, path_of, read, save


def record(boxes, title):
    rng = np.random.default_rng(0)
    return Shown(rng.normal(size=(8, 6)).astype(np.float16), rng.random((2, 2)).astype(np.float32), boxes,
                 np.array([[1, 2]]), np.array([True]), title)


def test_what_is_kept_comes_back(tmp_path):
    kept = [record(np.array([[0.5, 1, 2, 3]]), "one\ntwo"), record(np.empty((0, 4)), "none"), record(None, "unknown")]
    save(tmp_path, "test", kept)
    for ours, theirs in zip(read(tmp_path, "test"), kept, strict=True):
        assert ours.title == theirs.title and (ours.boxes is None) == (theirs.boxes is None)
        for name in ("image", "likelihood", "points", "in_box"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert read(tmp_path, "test")[1].boxes.shape == (0, 4)


def test_of_nothing_there_is_no_file_any_more(tmp_path):
    save(tmp_path, "test", [record(None, "unknown")])
    save(tmp_path, "test", [])
    assert not path_of(tmp_path, "test").exists() and read(tmp_path, "test") == []


def test_without_known_boxes_nothing_is_chosen(tmp_path):
    assert chosen(tmp_path, "test") == []
