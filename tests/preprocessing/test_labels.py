import pytest

from preprocessing.errors import UsageError
from preprocessing.ids import scan_id
from preprocessing.labels import read_labels, read_slice_labels


def table(tmp_path, text, encoding="utf-8", name="labels.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_ids_labels_patients_and_the_rest(tmp_path, end, encoding):
    lines = ["id, label,patient,site", "a.nii.gz,1,p1,Zürich", "b.nii,0,,", " c , 0 ,p1,x"]
    labels, rejected = read_labels(table(tmp_path, end.join(lines), encoding))
    assert rejected == []
    assert labels["a"] == (1, "p1", {"site": "Zürich"})
    assert labels["b"] == (0, "", {})
    assert labels["c"] == (0, "p1", {"site": "x"})


def test_a_patient_that_is_not_given_is_empty(tmp_path):
    assert read_labels(table(tmp_path, "label,id\n1,a\n"))[0] == {"a": (1, "", {})}


@pytest.mark.parametrize("label", ["2", "", "positive", "1.5", "-1", "nan"])
def test_a_label_that_is_not_0_or_1_is_rejected(tmp_path, label):
    path = table(tmp_path, f"id,label\na,0\nb,{label}\n")
    labels, rejected = read_labels(path)
    assert list(labels) == ["a"]
    assert rejected == [("b", str(path), f"label must be 0 or 1, is {label!r} (line 3)")]


def test_a_label_with_an_empty_fraction_is_the_whole_number(tmp_path):
    labels, rejected = read_labels(table(tmp_path, "id,label\na,0.0\nb,1.0\n"))
    assert {id: label.label for id, label in labels.items()} == {"a": 0, "b": 1} and rejected == []


def test_a_row_without_an_id_or_label_is_rejected(tmp_path):
    path = table(tmp_path, "id,label\n,0\nb\n")
    assert read_labels(path)[1] == [
        ("", str(path), "the id is empty (line 2)"),
        ("b", str(path), "label must be 0 or 1, is '' (line 3)"),
    ]


def test_an_id_in_two_rows_is_rejected(tmp_path):
    path = table(tmp_path, "id,label\na,0\na.nii,0\nb,1\n")
    labels, rejected = read_labels(path)
    assert list(labels) == ["b"]
    assert rejected == [("a", str(path), "duplicate id: 2 rows in the label table")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name,label\na,1\n", "Expected columns id,label, separated by commas, or .* Received: 'name,label'"),
        (b"id;label\na;1\n", "Received: 'id;label'"),
        (b"", "Received: ''"),
        ("id,label\nZürich,1\n".encode("latin-1"), "Expected a CSV table in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path, data, message):
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message) as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Received: No such file"):
        read_labels(tmp_path / "gone.csv")


def test_slice_labels(tmp_path):
    text = "id,source_index,label\na.nii,0,1\na,3,0\nb,x,1\nc,1,2\nd,1,1\nd,1,0\n"
    found, bad = read_slice_labels(table(tmp_path, text))
    assert found["a"] == {0: 1, 3: 0}
    assert bad == {
        "b": "slice truth: source_index must be a whole number, is 'x' (line 4)",
        "c": "slice truth: slice label must be 0 or 1 or -1, is '2' (line 5)",
        "d": "slice truth: slice 1 is labelled twice (line 7)",
    }


def test_only_the_nifti_suffix_is_cut():
    assert [scan_id(name) for name in ("a.nii.gz", "a.nii", "a.b", "a.gz")] == ["a", "a", "a.b", "a.gz"]
