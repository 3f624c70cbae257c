"""Whole jobs on tables that name slices, with DICOM lying as RSNA has it: one flat folder, a file a slice."""

import csv
import json

import numpy as np
import pytest

from preprocessing import inputs, job
from preprocessing.__main__ import main
from tfrecords import Dataset, reader, writer
from tfrecords.verify import findings

TYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SERIES = {"9.1.1": [0, 0, 1, 1, 0, 0], "9.2.1": [0] * 6, "9.3.1": [None] * 6, "9.4.1": [1, None, 0, 0, 0, 0]}
IDS = {series: f"train/{series}" for series in SERIES}


def label_rows(series, labels):
    for index, label in enumerate(labels, 1):
        if label is not None:
            yield from (f"{series}.{index}_{kind},{label if kind == 'subdural' else 0}" for kind in TYPES)
            yield f"{series}.{index}_any,{label}"


@pytest.fixture
def rsna(write_series, tmp_path):
    """rsna(*more, out) -> the arguments of a job over scans of four studies, of which the third has no label."""
    for number, series in enumerate(SERIES, 1):
        write_series(
            "train", study=f"9.{number}", series=series, name=f"ID_{number}" + "{:02}.dcm", SeriesNumber=None,
            ImageType=None, PatientID=f"p{number // 4}",  # the first three are one patient
        )
    rows = [row for series, labels in SERIES.items() for row in label_rows(series, labels)]
    (tmp_path / "labels.csv").write_text("\n".join(["ID,Label", *rows, *rows[:6], "ID_gone_any,1"]) + "\n")

    def arguments(*more, out="out"):
        given = ["--scans", tmp_path / "train", "--labels", tmp_path / "labels.csv", "--out", tmp_path / out]
        return [str(part) for part in ("ct", *given, "--brain", "none", "--size", 16, *more)]

    return arguments


def reasons(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def truth(dataset, id):
    """{name of the slice: its truth}."""
    bag = reader.read_bag(dataset.folder, dataset.by_id[id])
    return dict(zip(bag.instance_id, bag.instance_label[:, 0].tolist()))


def test_one_table_gives_scans_their_labels_and_slices_their_truth(rsna, tmp_path):
    assert main(rsna("--jobs", 1)) == 0
    dataset = Dataset(tmp_path / "out")
    assert list(findings(dataset.folder)) == []
    labels = {row.id: row.label for row in dataset.rows}
    assert labels == {IDS["9.1.1"]: (1,), IDS["9.2.1"]: (0,), IDS["9.4.1"]: (1,)}
    for series in ("9.1.1", "9.2.1", "9.4.1"):
        wanted = {f"{series}.{index}": -1 if label is None else label for index, label in enumerate(SERIES[series], 1)}
        assert truth(dataset, IDS[series]) == wanted
    assert reader.read_fields(dataset.folder, dataset.by_id[IDS["9.1.1"]]).meta == {"types": "subdural"}
    assert len({row.patient for row in dataset.rows}) == 2
    assert reasons(dataset.folder) == {
        IDS["9.3.1"]: "a scan without a label", "": "labels of slices: 1 rows are of slices of no scan",
    }


def test_metadata_names_the_patients(rsna, tmp_path):
    rows = [f"{series}.{index},{series[:3]}" for series in SERIES for index in range(1, 7)]
    (tmp_path / "metadata.csv").write_text("\n".join(["Image_ID,PatientID", *rows]) + "\n")
    assert main(rsna("--jobs", 1, "--metadata", tmp_path / "metadata.csv")) == 0
    assert [row.patient for row in Dataset(tmp_path / "out").rows] == ["9.1", "9.2", "9.4"]
    (tmp_path / "metadata.csv").write_text("\n".join(["Image_ID,PatientID", "9.1.1.1,other", *rows]) + "\n")
    assert main(rsna("--jobs", 1, "--metadata", tmp_path / "metadata.csv", out="two")) == 0
    assert reasons(tmp_path / "two")[IDS["9.1.1"]] == "its slices are of 2 patients"


def test_a_contradiction_in_the_table_rejects_its_scan_alone(rsna, tmp_path):
    with open(tmp_path / "labels.csv", "a") as table:
        table.write("9.2.1.3_any,1\n")
    assert main(rsna("--jobs", 1)) == 0
    assert "slice 9.2.1.3: any is 0 and 1 (line " in reasons(tmp_path / "out")[IDS["9.2.1"]]
    assert len(Dataset(tmp_path / "out").rows) == 2


def test_slice_truth_by_name_goes_with_labels_of_another_table(rsna, tmp_path):
    (tmp_path / "labels.csv").rename(tmp_path / "slices.csv")
    (tmp_path / "labels.csv").write_text("id,label\ntrain/9.1.1,1\ntrain/9.3.1,0\n")
    assert main(rsna("--jobs", 1, "--slice-labels", tmp_path / "slices.csv")) == 0
    dataset = Dataset(tmp_path / "out")
    assert truth(dataset, IDS["9.1.1"])["9.1.1.3"] == 1 and set(truth(dataset, IDS["9.3.1"]).values()) == {0}


def test_slices_become_bags_with_the_same_bytes_whatever_the_jobs(rsna, tmp_path):
    for jobs in (1, 2):
        assert main(rsna("--unit", "slice", "--jobs", jobs, out=f"out{jobs}")) == 0
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / f"out{jobs}").rglob("*.*")} for jobs in (1, 2))
    assert one == two
    dataset = Dataset(tmp_path / "out1")
    assert list(findings(dataset.folder)) == []
    assert dataset.info["preprocessing"]["unit"] == "slice"
    assert len(dataset.rows) == 6 + 6 + 5 and {row.n for row in dataset.rows} == {1}
    for row in dataset.rows:
        bag = reader.read_bag(dataset.folder, row)
        scan, _, index = row.id.rpartition("/")
        series, _, number = bag.instance_id[0].rpartition(".")
        assert scan == IDS[series] and bag.source_index.tolist() == [int(index)]
        assert bag.label.tolist() == bag.instance_label[0].tolist() == [SERIES[series][int(number) - 1]]
    assert reasons(dataset.folder)[IDS["9.4.1"]] == "1 of 6 slices without a label"


def test_a_job_of_slices_that_was_stopped_resumes_to_the_same_bytes(rsna, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD_BYTES", 1)
    assert main(rsna("--unit", "slice", "--jobs", 1, out="whole")) == 0
    write, seen = writer._Shard.write, []

    def stop(shard, bag, **given):
        seen.append(bag.id)
        if len(seen) == 9:  # in the middle of the second scan
            raise KeyboardInterrupt
        write(shard, bag, **given)

    with monkeypatch.context() as patched:
        patched.setattr(writer._Shard, "write", stop)
        assert main(rsna("--unit", "slice", "--jobs", 1)) == job.INTERRUPTED
    assert main(rsna("--unit", "slice", "--jobs", 1)) == 0
    whole, resumed = ({path.name: path.read_bytes() for path in (tmp_path / out).rglob("*.*")} for out in ("whole", "out"))
    assert whole == resumed


def test_scans_and_slices_never_mix(rsna, tmp_path, capsys):
    assert main(rsna("--jobs", 1)) == 0
    assert main(rsna("--unit", "slice", "--jobs", 1)) == 2
    assert "is a finished data set; give another folder" in capsys.readouterr().err


def test_boxes_come_with_a_job(rsna, tmp_path):
    data = "\"{'x': 2, 'y': 3, 'width': 5, 'height': 4}\""
    (tmp_path / "boxes.csv").write_text(
        "SOPInstanceUID,SeriesInstanceUID,data,labelName,labelType\n"
        f"9.1.1.4,9.1.1,{data},Subdural,handDrawn\n9.1.1.77,9.1.1,{data},Subdural,handDrawn\n8.8,8,{data},Chronic,x\n"
    )
    assert main(rsna("--jobs", 2, "--boxes", tmp_path / "boxes.csv")) == 0
    dataset = Dataset(tmp_path / "out")
    bag = reader.read_bag(dataset.folder, dataset.by_id[IDS["9.1.1"]])
    assert bag.instance_id[int(bag.boxes[0, 0])] == "9.1.1.4" and bag.meta["boxes_left_out"] == 1
    np.testing.assert_allclose(bag.boxes[0, 1:], [2.5, 1.5, 6.5, 6.5], atol=1e-3)
    assert reader.read_bag(dataset.folder, dataset.by_id[IDS["9.2.1"]]).boxes.shape == (0, 5)
    assert reader.read_bag(dataset.folder, dataset.by_id[IDS["9.4.1"]]).boxes is None
    with open(dataset.folder / "rejected.csv", newline="") as file:
        assert "boxes: 1 are on slices of no scan" in file.read()
    assert json.loads((tmp_path / "out/dataset.json").read_text())["preprocessing"]["unit"] == "scan"


def test_boxes_alone_tell_which_slices_bleed(rsna, tmp_path):
    """As CQ500 comes: readers label scans, BHX boxes their slices."""
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{IDS[f'9.{k}.1']},{int(k != 2)}\n" for k in range(1, 5)))
    data = "\"{'x': 2, 'y': 3, 'width': 5, 'height': 4}\""
    (tmp_path / "boxes.csv").write_text(
        f"SOPInstanceUID,data,labelName,labelType\n9.1.1.4,{data},Subdural,handDrawn\n9.1.1.5,None,Subdural,handDrawn\n"
        f"9.4.1.1,{data},Subdural,extrapolated\n"
    )
    assert main(rsna("--unit", "slice", "--jobs", 1, "--boxes", tmp_path / "boxes.csv")) == 0
    dataset, made = Dataset(tmp_path / "out"), {}
    for row in dataset.rows:
        bag = reader.read_bag(dataset.folder, row)
        made[bag.instance_id[0]] = (int(bag.label[0]), len(bag.boxes))
    assert {name for name, found in made.items() if found == (1, 1)} == {"9.1.1.4", "9.4.1.1"}
    others = {found for name, found in made.items() if name not in ("9.1.1.4", "9.4.1.1")}
    assert others == {(0, 0)} and "9.1.1.5" not in made and len(made) == 5 + 6 + 6
    assert "6 of 6 slices without a label" in reasons(dataset.folder)[IDS["9.3.1"]]
    assert list(findings(dataset.folder)) == []
