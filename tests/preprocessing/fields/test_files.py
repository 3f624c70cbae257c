import pytest

from preprocessing.errors import UsageError
from preprocessing.fields.errors import FieldError
from preprocessing.fields.files import Root, find


@pytest.fixture
def root(tmp_path):
    for name in ("Week1/Week1_1/a.tif", "Week1_1/b.tif", "other/c.tif", "x/d.tif", "y/d.tif", ".hidden/e.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return Root(tmp_path)


def test_a_file_is_found_where_the_table_says_or_where_the_archive_put_it(root):
    for name, place in {"a": "Week1/Week1_1/a.tif", "b": "Week1_1/b.tif", "c": "other/c.tif"}.items():
        for given in (f"Week1/Week1_1/{name}.tif", f"Week1\\Week1_1\\{name}.tif"):
            assert root.find(given) == str(root.folder / place)
    assert root.find(str(root.folder / "x/d.tif")) == root.find("x/d.tif") == str(root.folder / "x/d.tif")


def test_a_name_that_several_have_or_none_is_told(root):
    with pytest.raises(FieldError, match="2 files below .* are called 'd.tif', none at 'z/d.tif'"):
        root.find("z/d.tif")
    for given in ("x/e.tif", "x", "", "y" * 5000 + ".tif"):
        with pytest.raises(FieldError, match="no such file below"):
            root.find(given)
    with pytest.raises(UsageError, match="--root: Expected a folder"):
        Root(root.folder / "gone")


def test_images_are_found_by_their_suffixes_below_a_folder(root):
    found = find(root.folder)
    assert {id: len(paths) for id, paths in found.items()} == {"a": 1, "b": 1, "c": 1, "d": 2}
    (root.folder / "x" / "f.OME.tiff").write_bytes(b"")
    assert find(root.folder / "x" / "f.OME.tiff") == {"f": [root.folder / "x" / "f.OME.tiff"]}
    for given, told in (("gone", "does not exist"), (".hidden/none", "has none")):
        (root.folder / ".hidden" / "none").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=f"Expected an image .* Received: .*{told}"):
            find(root.folder / given)
