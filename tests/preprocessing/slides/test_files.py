"""Which files are slides, what they are called, and which labels are theirs."""

import pytest

from preprocessing.errors import UsageError
from preprocessing.slides import files


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize("name, id", [
    ("a.svs", "a"), ("a.SVS", "a"), ("a.b.tif", "a.b"), ("a.ome.tif", "a"), ("a.OME.TIFF", "a"), ("a.b", "a.b"), ("a", "a"),
])
def test_an_id_is_the_name_without_its_suffix(name, id):
    assert files.slide_id(name) == id


def test_slides_are_found_with_their_subfolders_and_the_rest_is_told_of(tmp_path):
    touch(tmp_path, "a.svs", "x/b.tif", "x/a.ndpi", ".c.svs", ".git/d.svs", "notes.txt", "labels.csv", "masks/a.png", "m.mrxs", "m/1.dat")
    found, rejected = files.find(tmp_path, (tmp_path / "labels.csv",), tmp_path / "masks")
    assert {id: [path.name for path in paths] for id, paths in found.items()} == {
        "a": ["a.svs", "a.ndpi"], "b": ["b.tif"], "m": ["m.mrxs"],
    }
    assert rejected == [("notes.txt", str(tmp_path / "notes.txt"), "not a slide: .txt is of no slide format")]


def test_a_single_slide_may_be_named(tmp_path):
    touch(tmp_path, "a.svs", "b.svs")
    assert list(files.find(tmp_path / "a.svs")[0]) == ["a"]


@pytest.mark.parametrize("names", [(), ("a.txt",)])
def test_a_folder_without_slides_is_refused(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(UsageError, match="which has none"):
        files.find(tmp_path)
    with pytest.raises(UsageError, match="which does not exist"):
        files.find(tmp_path / "gone")


def test_masks_are_named_as_their_slides(tmp_path):
    touch(tmp_path, "a.png", "b.ome.tif", "c.svs.png")
    assert sorted(files.find_masks(tmp_path)) == ["a", "b", "c.svs"]
    with pytest.raises(UsageError, match="--masks: Expected a folder"):
        files.find_masks(tmp_path / "gone")


def test_a_table_may_name_slides_with_their_suffix(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label,patient,location\na.svs,1,p,kidney\nb,0,,breast\nc,1,q,\nc.svs,0,q,\nd,x,,\n")
    found, rejected = files.read_labels(path, "abcd")
    assert {id: (row.label, row.patient, row.meta) for id, row in found.items()} == {
        "a": (1, "p", {"location": "kidney"}), "b": (0, "", {"location": "breast"}),
    }
    assert sorted((id, reason) for id, _, reason in rejected) == [
        ("c", "duplicate id: 2 rows in the label table"), ("d", "label must be 0 or 1, is 'x' (line 6)"),
    ]
