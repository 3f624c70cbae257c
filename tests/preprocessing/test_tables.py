"""Jobs on NIfTI with the field's tables, own-made and genuine."""

import csv
from pathlib import Path

import numpy as np
import pytest

from preprocessing.__main__ import main
from preprocessing.labels import is_of, read_table
from preprocessing.named import Truth, read
from tfrecords import Dataset, reader

GENUINE = Path(__file__).parents[2].parent / "shared/data/label_formats"
needs = pytest.mark.skipif(not GENUINE.is_dir(), reason=f"the genuine label files are not there: {GENUINE}")
CT_ICH = "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,No_Hemorrhage\n"
PEOPLE = '"Patient Number","Age\n(years)","Gender","Fracture (Yes/No)","Condition on file","Note"\n'


@pytest.fixture
def job(tmp_path):
    """job(labels, *more) -> the exit code of a job over tmp_path/scans, made into tmp_path/out."""

    def run(labels, *more):
        if isinstance(labels, str):
            (tmp_path / "labels.csv").write_text(labels)
            labels = tmp_path / "labels.csv"
        given = ["--scans", tmp_path / "scans", "--labels", labels, "--out", tmp_path / "out", "--size", 8, "--jobs", 1]
        return main([str(part) for part in ("ct", *given, "--brain", "none", *more)])

    return run


def bags(folder):
    dataset = Dataset(folder)
    return {row.id: reader.read_bag(folder, row) for row in dataset.rows}


def rejected(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def test_ct_ichs_table_gives_slice_truth_too_and_the_demographics_the_rest(job, save, tmp_path):
    for seed, id in enumerate(("049", "050")):
        save(f"scans/{id}.nii", seed=seed)
    rows = "".join(f"49,{k},0,{int(k == 3)},0,0,0,{int(k != 3)}\n50,{k},0,0,0,0,0,1\n" for k in range(1, 7))
    (tmp_path / "people.csv").write_text(PEOPLE + '49,35,"Male",1,"HGE ",\n', encoding="utf-8-sig")
    assert job(CT_ICH + rows, "--metadata", tmp_path / "people.csv") == 0
    made = bags(tmp_path / "out")
    assert made["049"].instance_label[np.argsort(made["049"].source_index), 0].tolist() == [0, 0, 1, 0, 0, 0]
    assert made["049"].meta == {
        "types": "Intraparenchymal", "age_years": "35", "gender": "Male", "fracture": "1", "condition": "HGE",
    }
    assert made["050"].meta == {} and made["049"].patient == "ct-ich-049"


def test_volumes_named_by_their_series_get_labels_of_its_slices(job, save, tmp_path):
    for seed, id in enumerate(("1.2.3", "1.2.4")):
        save(f"scans/{id}.nii.gz", seed=seed)
    (tmp_path / "metadata.csv").write_text(
        "SOPInstanceUID,SeriesInstanceUID,PatientID\ns1,1.2.3,p\ns2,1.2.3,p\ns3,1.2.4,q\n"
    )
    assert job("ID,Label\ns1_any,0\ns2_any,1\ns3_any,0\n", "--metadata", tmp_path / "metadata.csv") == 0
    made = bags(tmp_path / "out")
    assert {id: (bag.label.tolist(), bag.patient) for id, bag in made.items()} == {
        "1.2.3": ([1], "p"), "1.2.4": ([0], "q"),
    }
    assert set(made["1.2.3"].instance_label.ravel()) == {-1}  # which of its slices is s2, the file does not say
    assert set(made["1.2.4"].instance_label.ravel()) == {0}


def test_slices_of_volumes_with_masks_become_bags(job, save, tmp_path):
    for seed, id in enumerate("ab"):
        save(f"scans/{id}.nii", seed=seed)
    drawn = np.zeros((10, 12, 6), np.uint8)
    drawn[5, 6, 4] = 2
    save("masks/a.nii", drawn)
    assert job("id,label,patient\na,1,p\nb,0,q\n", "--masks", tmp_path / "masks", "--unit", "slice") == 0
    made = bags(tmp_path / "out")
    assert [id for id, bag in made.items() if bag.label.tolist() == [1]] == ["a/4"]
    assert len(made) == 12 and made["a/4"].mask.any() and not made["a/3"].mask.any()
    assert {bag.patient for id, bag in made.items() if id.startswith("b")} == {"q"}


def test_slices_without_any_truth_are_refused(job, save, tmp_path, capsys):
    save("scans/a.nii")
    assert job("id,label\na,1\n", "--unit", "slice") == 2
    error = capsys.readouterr().err
    assert "--unit slice: Expected slice truth" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("axis, planes", [(0, "sagittal"), (1, "coronal")])
def test_what_was_not_acquired_axially_is_listed(job, save, tmp_path, axis, planes):
    spacing = np.array([0.5, 0.5, 0.5, 1])
    spacing[axis] = 5
    save("scans/a.nii", affine=np.diag(spacing))
    save("scans/b.nii")
    assert job("id,label\na,1\nb,0\n") == 0
    reason = f"not axially acquired: {planes} planes 5.00 mm apart, 0.50 mm along the patient"
    assert rejected(tmp_path / "out") == {"a": reason} and list(bags(tmp_path / "out")) == ["b"]


@pytest.mark.parametrize("option", ["--metadata", "--boxes", "--slice-labels"])
def test_a_table_of_the_wrong_kind_is_one_line(job, save, tmp_path, capsys, option):
    save("scans/a.nii")
    assert job("id,label\na,1\n", option, tmp_path / "labels.csv") == 2
    error = capsys.readouterr().err
    assert "Expected columns" in error and error.count("\n") == 1


@needs
def test_the_genuine_rsna_tables():
    path = GENUINE / "rsna_stage_2_train.sample.csv"
    found = read(path, {"a": ["ID_6c5d82413", "ID_07c9bea25"], "b": ["ID_e0ff5bec6"], "c": ["ID_b35e2d521", "ID_new"]})
    assert found == Truth(
        {"a": (1, "", {"types": "subdural"}), "b": (1, "", {"types": "intraventricular"}), "c": (0, "", {})},
        {"a": {"ID_6c5d82413": 0, "ID_07c9bea25": 1}, "b": {"ID_e0ff5bec6": 1}, "c": {"ID_b35e2d521": 0, "ID_new": -1}},
        {}, 6,
    )
    wide = read(GENUINE / "rsna_metadata.head.csv", {"a": ["ID_d782169dd"], "b": ["ID_17da4fe42"]})
    assert wide.labels == {"a": (1, "", {"types": "subarachnoid,subdural"}), "b": (0, "", {})}


@needs
def test_the_genuine_metadata_and_demographics():
    from preprocessing import metadata

    slices = metadata.read(GENUINE / "rsna_metadata.head.csv", {"a": ["ID_d782169dd"], "b": ["ID_17da4fe42"]})
    assert slices.patients == {"a": "ID_683fd24c", "b": "ID_6fb08829"}
    people = metadata.read(GENUINE / "ct_ich_patient_demographics.head.csv", {"050": [], "070": [], "x": []})
    assert people.meta["050"] == {
        "age_years": "0.583333333", "gender": "Female", "fracture": "1", "condition": "Subdural HGE",
    }
    assert people.meta["070"]["note"].startswith("Special case") and list(people.meta) == ["050", "070"]


@needs
def test_the_genuine_boxes():
    from preprocessing.forms import bhx

    path = GENUINE / "bhx_1_Initial_Manual_Labeling.head.csv"
    assert is_of(path, (bhx,))
    boxes = [box for _, _, _, box in bhx.boxes(read_table(path))]
    assert len(boxes) == 399 and all(isinstance(box, bhx.Box) for box in boxes)
    assert boxes[0][1:3] == (236.16402999999997, 151.01577) and {box.drawn for box in boxes} == {1}
    assert {bhx.CLASSES[box.kind] for box in boxes} == {"Chronic", "Intraparenchymal", "Intraventricular", "Subarachnoid"}
