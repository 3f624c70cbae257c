import pytest

from preprocessing import named
from preprocessing.errors import UsageError

SCANS = {"a": ["s1", "s2", ""], "b": ["s3"], "c": ["s4"]}


@pytest.fixture
def read(tmp_path):
    """read(rows, scans, header) -> the Truth of a table."""

    def reading(rows, scans=SCANS, header="ID,Label"):
        path = tmp_path / "rsna.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return named.read(path, scans)

    return reading


def test_a_scan_is_positive_where_a_slice_is(read):
    found = read(["s1_any,0", "s2_any,1", "s2_subdural,1", "s2_epidural,1", "s3_any,0", "s3_subdural,0"])
    assert found.labels == {"a": (1, "", {"types": "epidural,subdural"}), "b": (0, "", {})}
    assert found.slices == {"a": {"s1": 0, "s2": 1}, "b": {"s3": 0}}
    assert not found.bad and found.others == 0


def test_a_slice_without_a_row_is_unknown_and_a_scan_of_such_has_no_label(read):
    found = read(["s1_any,0"])
    assert found.slices == {"a": {"s1": 0, "s2": -1}} and list(found.labels) == ["a"]


def test_without_any_a_slice_has_the_largest_of_the_others(read):
    found = read(["s1_epidural,0", "s1_subdural,1", "s2_epidural,0", "s3_any,0", "s3_subdural,1"])
    assert found.slices == {"a": {"s1": 1, "s2": 0}, "b": {"s3": 0}}


def test_rows_that_are_there_twice_may_be_equal_and_not_contradict(read):
    found = read(["s1_any,1", "s1_any,1", "s3_any,0", "s3_any,1", "s4_any,2"])
    assert found.labels["a"].label == 1
    assert found.bad == {
        "b": "slice s3: any is 0 and 1 (line 5)", "c": "slice s4: any must be 0 or 1, is '2' (line 6)",
    }
    reason = "slice s1: expected one of any, epidural, intraparenchymal, intraventricular, subarachnoid, subdural, is 'x'"
    assert read(["s1_x,1"]).bad == {"a": f"{reason} (line 2)"}


def test_rows_of_other_slices_are_counted_and_not_kept(read):
    assert read(["s1_any,1", "x_any,1", "y_subdural,7"]).others == 2
    with pytest.raises(UsageError, match="Expected names of the scans' slices, such as 's1'. Received: 'x'"):
        read(["x_any,1"])


def test_a_row_a_slice_tells_the_same(read):
    rows = ["s1,0,0,0,0,0,0,p", "s2,1,0,1,0,0,0,p"]
    header = "Image_ID,any,epidural,intraparenchymal,intraventricular,subarachnoid,subdural,PatientID"
    found = read(rows, header=header)
    assert found.labels == {"a": (1, "", {"types": "intraparenchymal"})} and found.slices == {"a": {"s1": 0, "s2": 1}}
    found = read([row[:2] + row[4:] for row in rows], header=header.replace("any,", ""))
    assert found.slices == {"a": {"s1": 0, "s2": 1}}


def test_names_may_have_underlines(read):
    assert read(["ID_6c5d82413_any,1"], {"a": ["ID_6c5d82413"]}).slices == {"a": {"ID_6c5d82413": 1}}
