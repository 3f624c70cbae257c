import numpy as np
import pytest

from mil_tf.training.recursion_targets import NAME, Targets, TargetsError, TargetWriter


def masks(seed=0):
    rng = np.random.default_rng(seed)
    return {id: rng.integers(0, 6, (5, 7)).astype(np.uint8) for id in ("a/1", "b ä", "c")}


def write(folder, some):
    writer = TargetWriter(folder)
    for id, mask in some.items():
        writer.add(id, mask)
    return writer, writer.close()


def test_what_is_written_is_read_in_any_order(tmp_path):
    writer, _ = write(tmp_path / "r", masks())
    found = Targets(tmp_path / "r", (5, 7))
    assert found.ids == writer.ids == list(masks()) and "c" in found and "d" not in found
    for id in reversed(found.ids):
        np.testing.assert_array_equal(found[id], masks()[id])
    found.close()


def test_equal_masks_make_equal_bytes_and_digests_and_others_do_not(tmp_path):
    digests = [write(tmp_path / name, masks(seed))[1] for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    files = [(tmp_path / name / NAME).read_bytes() for name in "abc"]
    assert digests[0] == digests[1] != digests[2] and files[0] == files[1] != files[2]


def test_nothing_is_there_before_it_is_whole(tmp_path):
    writer = TargetWriter(tmp_path)
    writer.add("a", np.zeros((5, 7)))
    assert not (tmp_path / NAME).exists()
    writer.close()
    assert (tmp_path / NAME).exists() and len(list(tmp_path.iterdir())) == 1


def test_a_damaged_or_missing_file_is_told_in_a_line(tmp_path):
    with pytest.raises(TargetsError, match="Expected the whole targets of a recursion"):
        Targets(tmp_path, (5, 7))
    write(tmp_path, masks())
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(TargetsError, match="Expected the whole targets of a recursion"):
        Targets(tmp_path, (5, 7))
    write(tmp_path, masks())
    with pytest.raises(TargetsError, match="Expected the whole targets of a recursion"):
        Targets(tmp_path, (5, 8))["c"]
