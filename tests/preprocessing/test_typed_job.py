"""`preprocessing ct --unit slice --types`: from files and tables to slices with types."""

import csv
import json

import numpy as np
import pytest

from preprocessing.__main__ import main
from tfrecords import Dataset, reader

CT_ICH = "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,No_Hemorrhage\n"
SLICES = 6  # of the volumes that `save` makes, 10 x 12 voxels


@pytest.fixture
def job(tmp_path):
    """job(labels, *more) -> the exit code of a job over tmp_path/scans, made into tmp_path/out."""

    def run(labels, *more):
        (tmp_path / "labels.csv").write_text(labels)
        given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
        fixed = ["--size", 12, "--jobs", 1, "--brain", "none", "--no-qc", "--unit", "slice", "--types"]
        return main([str(part) for part in ("ct", *given, *fixed, *more)])

    return run


@pytest.fixture
def made(tmp_path):
    """made() -> {id: Bag} of tmp_path/out."""

    def read():
        dataset = Dataset(tmp_path / "out")
        return {row.id: reader.read_bag(dataset.folder, row) for row in dataset.rows}

    return read


@pytest.fixture
def draw(save):
    """draw(id, {slice: value}) -> a scan's mask, with 2 x 3 voxels of a value in some slices."""

    def write(id, values):
        mask = np.zeros((10, 12, SLICES), np.uint8)
        for index, value in values.items():
            mask[4:6, 5:8, index] = value
        return save(f"masks/{id}.nii.gz", mask)

    return write


def rejected(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def ct_ich(id, types):
    """Rows of CT-ICH's table: {slice number from 1: (IVH, IPH, SAH, EDH, SDH)}."""
    rows = [(number, types.get(number, (0,) * 5)) for number in range(1, SLICES + 1)]
    return "".join(f"{id},{number},{','.join(map(str, row))},{int(not any(row))}\n" for number, row in rows)


def test_masks_of_class_ids(job, made, save, draw, tmp_path):
    save("scans/a.nii.gz")
    save("scans/b.nii.gz", seed=1)
    draw("a", {1: 2, 3: 1})
    (tmp_path / "types.csv").write_text("id,source_index,type\na,3,-1\n")
    more = ["--masks", tmp_path / "masks", "--mask-classes", "epidural,subdural", "--slice-labels", tmp_path / "types.csv"]
    assert job("id,label\na,1\nb,0\n", *more) == 0
    bags, info = made(), json.loads((tmp_path / "out/dataset.json").read_text())
    assert info["classes"] == ["epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"]
    assert info["preprocessing"]["types"] == {"mask_classes": ["epidural", "subdural"], "several": "last"}
    assert sorted(bags) == [*(f"a/{k}" for k in (0, 1, 2, 4, 5)), *(f"b/{k}" for k in range(SLICES))]
    one = bags["a/1"]
    assert one.label.tolist() == one.instance_label[0].tolist() == [0, 0, 0, 0, 1]
    assert one.mask.shape == (1, 12, 12) and np.bincount(one.mask.ravel()).tolist() == [138, 0, 0, 0, 0, 6]
    assert bags["b/0"].label.tolist() == [0] * 5 and not bags["b/0"].mask.any()
    assert rejected(tmp_path / "out") == {"a": "1 of 6 slices without a label"}


def test_ct_ichs_binary_masks_and_table(job, made, save, draw, tmp_path):
    save("scans/049.nii")
    draw("049", {1: 255, 2: 255, 3: 255})
    table = ct_ich(49, {2: (0, 0, 0, 1, 0), 3: (0, 1, 0, 0, 1), 5: (0, 0, 1, 0, 0)})
    assert job(CT_ICH + table, "--masks", tmp_path / "masks") == 0
    bags = made()
    assert {id: int(bag.mask.max()) for id, bag in bags.items()} == {"049/0": 0, "049/1": 1, "049/2": 5, "049/5": 0}
    assert bags["049/2"].label.tolist() == [0, 1, 0, 0, 1] and bags["049/0"].patient == "ct-ich-049"
    assert rejected(tmp_path / "out") == {
        "049": "2 of 6 slices without a label: slice 3: blood in the mask, none by the table; "
        "slice 4: no blood in the mask, subarachnoid in the table"
    }
    assert job(CT_ICH + table, "--masks", tmp_path / "masks", "--several", "leave-out", "--force") == 0
    assert "049/2" not in made() and "slice 2: several types in a binary mask" in rejected(tmp_path / "out")["049"]


def test_a_table_alone(job, made, save, tmp_path):
    save("scans/a.nii.gz")
    assert job("id,source_index,type\na,0,\na,2,Epidural+subdural\na,4,subarachnoid\n") == 0
    bags = made()
    assert {id: bag.label.tolist() for id, bag in bags.items()} == {
        "a/0": [0] * 5, "a/2": [1, 0, 0, 0, 1], "a/4": [0, 0, 0, 1, 0],
    }
    assert bags["a/2"].mask is None


def test_rsnas_tables_of_single_slices(job, made, save, tmp_path):
    for seed, id in enumerate(("ID_aa", "ID_bb", "ID_cc")):
        save(f"scans/{id}.nii.gz", np.random.default_rng(seed).integers(0, 90, (10, 12, 1)).astype(np.int16))
    ill = {"ID_aa": "subdural", "ID_bb": "", "ID_cc": "?"}  # ? bleeds, and of no type
    types = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
    long = "".join(
        f"{id}_any,{int(bool(one))}\n" + "".join(f"{id}_{name},{int(name == one)}\n" for name in types)
        for id, one in ill.items()
    )
    (tmp_path / "patients.csv").write_text("Image_ID,PatientID\nID_aa,p1\nID_bb,p1\nID_cc,p2\n")
    assert job("ID,Label\n" + long, "--metadata", tmp_path / "patients.csv") == 0
    bags = made()
    assert {id: (bag.patient, bag.label.tolist()) for id, bag in bags.items()} == {
        "ID_aa/0": ("p1", [0, 0, 0, 0, 1]), "ID_bb/0": ("p1", [0] * 5),
    }
    assert rejected(tmp_path / "out") == {"ID_cc": "1 of 1 slices without a label"}


def test_what_cannot_be_taken_is_one_line(job, save, draw, tmp_path, capsys):
    save("scans/a.nii.gz")
    save("scans/b.nii.gz", seed=1)
    draw("a", {1: 3})
    masks = ["--masks", tmp_path / "masks"]
    for more, message in (
        (masks, "--types: Expected a type of bleed for at least one slice"),
        (["--mask-classes", "epidural"], "--mask-classes: Expected --masks with it"),
        ([*masks, "--mask-classes", "epidural,stroke"], "--mask-classes: Expected some of epidural,"),
        ([*masks, "--mask-classes", "epidural", "--unit", "scan"], "--types: Expected --unit slice"),
    ):
        assert job("id,label\na,1\nb,0\n", *more) == 2
        told = capsys.readouterr().err
        assert message in told and told.count("\n") == 1
    assert job("id,label\na,1\nb,0\n", *masks, "--mask-classes", "epidural,subdural") == 0
    assert rejected(tmp_path / "out")["a"] == "mask: expected class ids 0 to 2 (epidural, subdural), has 3"


def test_a_table_of_no_types_is_refused(job, save, tmp_path, capsys):
    save("scans/a.nii.gz")
    (tmp_path / "slices.csv").write_text("id,source_index,label\na,0,1\n")
    assert job("id,label\na,1\n", "--slice-labels", tmp_path / "slices.csv") == 2
    assert "Expected columns id,source_index,type" in capsys.readouterr().err
    assert job("id,source_index,type\na,0,\n") == 2
    assert "--types: Expected a type of bleed for at least one slice" in capsys.readouterr().err
    assert job("id,source_index,type\na,0,stroke\n") == 2
    assert "no row can be used; the first: id 'a': type must be of epidural, " in capsys.readouterr().err
