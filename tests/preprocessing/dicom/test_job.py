import csv

import numpy as np

from preprocessing.__main__ import main
from tfrecords import Dataset, reader

from .conftest import CORONAL, ramp


def test_a_hospital_export_becomes_bags(write_series, tmp_path, capsys):
    pixels = ramp(6)
    write_series("scans/one/ct", study="1.1", series="1.1.1", pixels=pixels, PatientID="Jane-1")
    write_series("scans/one/scout", study="1.1", series="1.1.2", count=1, orientation=CORONAL, SeriesNumber=9)
    write_series("scans/two/thin", study="1.2", series="1.2.1", count=11, step=2.5, PatientID="Jane-1")
    write_series("scans/two/thick", study="1.2", series="1.2.2", SeriesNumber=2, PatientID="Jane-1")
    write_series("scans/three", study="1.3", series="1.3.1", PatientID="Bob")
    (tmp_path / "labels.csv").write_text("id,label\none,1\ntwo/1,0\nfour,1\n")
    made = []
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", out, "--size", 16]
        assert main([str(part) for part in ("ct", *given, "--brain", "none", "--jobs", jobs)]) == 0
        made.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert made[0] == made[1]
    assert not any(name in text for text in made[0].values() for name in (b"Jane", b"Doe", b"Bob"))
    dataset = Dataset(tmp_path / "out1")
    assert sorted(dataset.by_id) == ["one", "two/1"]
    assert dataset.by_id["one"].patient == dataset.by_id["two/1"].patient != "one"
    bag = reader.read_bag(dataset.folder, dataset.by_id["one"])
    found = np.asarray(bag.instances, np.float32)[np.argsort(bag.source_index), ..., 0]
    np.testing.assert_array_equal(found if bag.affine[2, 2] > 0 else found[::-1], pixels)
    with open(tmp_path / "out1/rejected.csv", newline="") as file:
        reasons = {row["id"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons["three"] == "a scan without a label" and reasons["four"] == "a label without a scan"
    assert reasons["two/2"].startswith("not chosen: series 2, 6 slices 5.00 mm apart; series 1, 11 slices")
    assert reasons["one/9"] == "not axial" and len(reasons) == 4


def test_a_series_that_is_wanted_by_its_number(write_series, tmp_path, capsys):
    for number in (1, 2):
        write_series(f"scans/a/{number}", series=f"1.{number}", SeriesNumber=number, step=7 - number)
    (tmp_path / "labels.csv").write_text("id,label\na,1\n")
    given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
    assert main([str(part) for part in ("ct", *given, "--brain", "none", "--size", 16, "--series", 1, "--jobs", 1)]) == 0
    assert list(Dataset(tmp_path / "out").by_id) == ["a"]
    assert main([str(part) for part in ("ct", *given, "--series", "x")]) == 2
    assert "--series: Expected auto, all, or series numbers" in capsys.readouterr().err
