import pytest

from preprocessing import sources
from preprocessing.dicom.series import Series
from preprocessing.errors import UsageError

EXPECTED = r"Expected a folder of \.nii or \.nii\.gz files, or of DICOM files or zip archives of them\. Received: .*"


def series(id, name, **more):
    return Series(**{**dict(
        id=id, name=name, study="1", uid="1.1", places=(), positions=(1.0, 2.0), number=1, kernel="", shape=(4, 4),
        patient="", reason="",
    ), **more})


def test_volumes_are_found_in_subfolders_and_hidden_ones_left_out(tmp_path):
    for name in ("a.nii", "sub/b.nii.gz", "._a.nii", "notes.txt", "masks/a.nii.gz", "c.nii.gz/inside.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found, rejected = sources.find(tmp_path, without=tmp_path / "masks")
    assert {id: [path.relative_to(tmp_path).as_posix() for path in paths] for id, paths in found.items()} == {
        "a": ["a.nii"],
        "b": ["sub/b.nii.gz"],
        "inside": ["c.nii.gz/inside.nii"],
    }
    assert not rejected


def test_a_file_is_found_by_itself(save):
    path = save("a.nii.gz")
    save("b.nii.gz")
    assert sources.find(path) == ({"a": [path]}, [])


def test_nothing_to_be_found_is_told(tmp_path):
    with pytest.raises(UsageError, match=EXPECTED + "which does not exist"):
        sources.find(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=EXPECTED + "empty, which has none"):
        sources.find(tmp_path / "empty")
    (tmp_path / "bad.zip").write_bytes(b"PK no archive")
    with pytest.raises(UsageError, match="which has none; bad.zip: unreadable archive"):
        sources.find(tmp_path)


def test_a_table_may_name_a_study_where_it_has_one_series_chosen():
    one, other, alone = series("a/1", "a"), series("b/1", "b"), series("b/2", "b")
    found = {"a/1": [one], "b/1": [other], "b/2": [alone], "c": ["c.nii"]}
    assert sources.renamed(found, {"a", "b", "c"}) == {"a": [one], "b/1": [other], "b/2": [alone], "c": ["c.nii"]}
    assert sources.renamed(found, {"a/1", "a"}) == found


def test_the_stamp_follows_the_files_sizes(tmp_path):
    (tmp_path / "a").write_bytes(b"12")
    before = sources.stamp(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"123")
    assert sources.stamp(tmp_path / "a") != before
