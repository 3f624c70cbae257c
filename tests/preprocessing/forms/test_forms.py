from pathlib import Path

import numpy as np
import pytest

from preprocessing import sources
from preprocessing.errors import UsageError
from preprocessing.labels import aliases, read_labels, read_slice_labels

GENUINE = Path(__file__).parents[3].parent / "shared/data/label_formats"
needs = pytest.mark.skipif(not GENUINE.is_dir(), reason=f"the genuine label files are not there: {GENUINE}")
CQ500 = "name,Category,R1:ICH,R1:IPH,R2:ICH,R2:IPH,R3:ICH,R3:IPH\n"
CT_ICH = "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,No_Hemorrhage\n"


@pytest.fixture
def table(tmp_path):
    """table(text) -> path of a CSV file."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@needs
def test_the_majority_of_cq500s_readers():
    labels, rejected = read_labels(GENUINE / "cq500_reads.csv")
    assert (len(labels), sum(label.label for label in labels.values())) == (491, 205) and not rejected
    assert labels["CQ500-CT-427"].meta["IPH"] == "1"


def test_two_of_three_readers_decide(table):
    path = table(CQ500 + "CQ500-CT-1,B1,1,0,1,0,0,0\r\nCQ500-CT-2,B1,1,0,0,1,0,1\r\nCQ500-CT-3,B1,1,0,,0,0,0\r\n")
    labels, rejected = read_labels(path)
    assert {id: (label.label, label.meta["IPH"]) for id, label in labels.items()} == {
        "CQ500-CT-1": (1, "0"), "CQ500-CT-2": (0, "1"),
    }
    assert rejected == [("CQ500-CT-3", str(path), "label must be 0 or 1, is '' (line 4)")]
    known = aliases(path, labels)
    found = {"CQ500CT1 CQ500CT1": ["a"], "CQ500CT2": ["b"], "other": ["c"]}
    assert sources.renamed(found, set(labels), known) == {"CQ500-CT-1": ["a"], "CQ500-CT-2": ["b"], "other": ["c"]}


@needs
def test_the_genuine_slice_table_of_ct_ich():
    path = GENUINE / "ct_ich_hemorrhage_diagnosis.head.csv"
    labels, rejected = read_labels(path)
    slices, bad = read_slice_labels(path)
    assert "049" in labels and labels["049"].label == 1 and not rejected and not bad
    assert all(max(slices[id].values()) == label.label for id, label in labels.items())
    assert slices["049"][0] == 0 and min(slices["049"]) == 0


def test_a_scan_of_ct_ich_bleeds_where_a_slice_does(table):
    path = table(CT_ICH + "49,1,0,0,0,0,0,1\n49,2,0,1,0,0,1,0\n50,1,0,0,0,0,0,1\n51,1,2,0,0,0,0,1\n", "utf-8-sig")
    labels, rejected = read_labels(path)
    assert labels == {
        "049": (1, "ct-ich-049", {"types": "Intraparenchymal,Subdural"}), "050": (0, "ct-ich-050", {}),
    }
    assert rejected == [("051", str(path), "label must be 0 or 1, is '2' (line 5)")]
    assert read_slice_labels(path)[0]["049"] == {0: 0, 1: 1}


def test_rater_scores_follow_the_papers_rules(table, save):
    path = table("id,score,volume_cm3,patient\na,0,,p\nb,1,20.1,\nc,3,20,\nd,2,90,\ne,4,90,\nf,5,1,\ng,1,x,\nh,1,,\n")
    labels, rejected = read_labels(path)
    assert {id: label.label for id, label in labels.items()} == {"a": 0, "b": 1} and labels["a"].patient == "p"
    reasons = {id: reason for id, _, reason in rejected}
    assert reasons["c"] == "excluded: rater score 3 with 20.0 cm3, over 20 are taken (line 4)"
    assert reasons["d"] == "excluded: rater score 2 (line 5)" and reasons["e"] == "excluded: rater score 4 (line 6)"
    assert "is 'score 5'" in reasons["f"] and "is 'volume_cm3 x'" in reasons["g"]
    assert reasons["h"] == "excluded: rater score 1 without volume_cm3 or a mask (line 9)"


def test_a_lesions_volume_comes_from_its_mask(table, save):
    masks = {}
    for id, voxels in (("a", 161), ("b", 159)):  # of 5 x 5 x 5 mm: 20.1 and 19.9 cm3
        data = np.zeros(1000, np.uint8)
        data[:voxels] = 2
        masks[id] = [save(f"{id}.nii.gz", data.reshape(10, 10, 10), np.diag([5, 5, 5, 1]))]
    labels, rejected = read_labels(table("id,score\na,1\nb,3\nc,1\n"), masks)
    assert list(labels) == ["a"] and [id for id, _, _ in rejected] == ["b", "c"]


def test_a_table_of_no_form_is_refused(table):
    with pytest.raises(UsageError, match=r"separated by commas, or those of another known form \(cq500, ct_ich, scores, slice_types\)"):
        read_labels(table("scan,truth\na,1\n"))
