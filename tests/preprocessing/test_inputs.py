import os

import numpy as np
import pytest

from preprocessing import inputs
from preprocessing.dicom.series import Series
from preprocessing.errors import UsageError
from preprocessing.labels import Label
from preprocessing.settings import CtSettings

LABELS = {id: Label(1, "p", {}) for id in "abc"}


def test_masks_are_found_in_subfolders(save, tmp_path):
    save("masks/a.nii")
    save("masks/sub/b.nii.gz")
    assert sorted(inputs.find_masks(tmp_path / "masks")) == ["a", "b"]
    with pytest.raises(UsageError, match=r"Expected a folder of \.nii or \.nii\.gz masks\. Received: .*which has none"):
        inputs.find_masks(tmp_path / "gone")


def test_a_scans_patient_is_the_tables_or_its_own_or_the_scan():
    series = Series("d", "d", "1", "1.1", (), (), 1, "", (4, 4), "p123", "")
    labels = {"a": Label(1, "x", {}), "b": Label(1, "", {}), "d": Label(1, "", {}), "e": Label(1, "y", {})}
    volumes = {"a": ["a.nii"], "b": ["b.nii"], "d": [series], "e": [series]}
    scans, _ = inputs.match(volumes, labels, "labels.csv")
    assert [scan.patient for scan in scans] == ["x", "b", "p123", "y"]
    assert scans[2].path is series


def test_what_has_no_partner_or_two_is_rejected():
    volumes = {"a": ["a.nii"], "b": ["b.nii", "x/b.nii.gz"], "d": ["d.nii"]}
    scans, rejected = inputs.match(volumes, LABELS, "labels.csv")
    assert [scan.id for scan in scans] == ["a"]
    assert rejected == [
        ("b", "b.nii", "duplicate id: 2 files have it"),
        ("b", "x/b.nii.gz", "duplicate id: 2 files have it"),
        ("d", "d.nii", "a scan without a label"),
        ("c", "labels.csv", "a label without a scan"),
    ]


def test_truth_comes_with_its_scan():
    masks, slices = {"a": ["m/a.nii"], "b": ["m/b.nii", "n/b.nii"]}, {"a": {0: 1}}
    volumes = {id: [f"{id}.nii"] for id in "abc"}
    scans, rejected = inputs.match(volumes, LABELS, "l", masks, slices, {"c": "slice truth: bad"})
    assert scans == [inputs.Scan("a", "a.nii", 1, "p", {}, "m/a.nii", {0: 1}, True)]
    assert rejected == [("b", "b.nii", "duplicate id: 2 masks have it"), ("c", "c.nii", "slice truth: bad")]


def test_shards_are_planned_by_the_headers(save, monkeypatch):
    def scan(id, path):
        return inputs.Scan(id, str(path), 1, id, {}, None, None, False)

    scans = [scan(id, save(f"{id}.nii")) for id in "abcd"]  # 6 slices each
    broken = save("e.nii")
    broken.write_bytes(b"not a scan")
    sagittal = save(
        "f.nii",
        np.zeros((6, 9, 12), np.int16),
        np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]]),
    )
    scans += [scan("e", broken), scan("f", sagittal)]
    monkeypatch.setattr(inputs, "SHARD_BYTES", 2 * 6 * 8 * 8 * 2)  # two of them
    assert inputs.plan(scans, CtSettings(size=8)) == [["a", "b"], ["c", "d", "e"], ["f"]]
    assert inputs.plan(scans, CtSettings(size=16)) == [["a"], ["b"], ["c"], ["d"], ["e", "f"]]
    assert inputs.plan([], CtSettings()) == []


def test_the_fingerprint_follows_labels_files_and_rejections(save):
    scan = inputs.Scan("a", str(save("a.nii")), 1, "p", {}, None, None, False)
    first = inputs.fingerprint([scan], [])
    assert first == inputs.fingerprint([scan], [])
    assert first != inputs.fingerprint([scan._replace(label=0)], [])
    assert first != inputs.fingerprint([scan], [("b", "b.nii", "4-D")])
    with open(scan.path, "ab") as file:
        file.write(b"\0")
    os.utime(scan.path, (0, 0))
    assert first != inputs.fingerprint([scan], [])
