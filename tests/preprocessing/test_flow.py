import csv

import pytest
from matplotlib.image import imread

from preprocessing.__main__ import main
from preprocessing.flow import category
from preprocessing.labels import read_labels
from tfrecords.writer import DatasetWriter


@pytest.fixture
def bags(save, tmp_path):
    """A folder of three bags, made by the command from six scans and a table of scores."""
    for seed, id in enumerate("abcdef"):
        save(f"scans/{id}.nii.gz", seed=seed)
    (tmp_path / "scans/f.nii.gz").write_bytes(b"broken")
    rows = ["id,score,volume_cm3,patient", "a,1,30,p", "b,0,,p", "c,0,,q", "d,2,,", "e,3,5,", "f,0,,", "g,0,,"]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "bags"]
    assert main([str(part) for part in ("ct", *given, "--brain", "none", "--size", 8, "--jobs", 1)]) == 0
    return tmp_path / "bags"


def test_the_flow_adds_up(bags, tmp_path, capsys):
    capsys.readouterr()
    assert main(["cohort", "--data", str(bags), "--out", str(tmp_path / "flow.png")]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "7 found" and lines[-1] == f"figure: {tmp_path / 'flow.png'}"
    assert sorted(line for line in lines if "excluded" in line) == [
        "1   excluded: a label without a scan", "1   excluded: rater score 2", "1   excluded: rater score 3",
        "1   excluded: unreadable or truncated",
    ]
    assert lines[-4:-1] == ["3 scans", "1   positive, of 1 patients", "2   negative, of 2 patients"]
    assert imread(tmp_path / "flow.png").shape[1] == 1200
    with open(bags / "cohort.csv", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["a"]["score"] == "1" and rows["a"]["patient"] == "p" and rows["c"]["slices"] == "6"


def test_the_papers_cohort_gives_its_table_1(tmp_path, make_bag, capsys):
    """525 + 4357 of 4882 volumes, among rows of every score that the paper leaves out; bags of one pixel."""
    rows = [f"p{k:04},{1 + 2 * (k % 2)},{21 + k % 90}" for k in range(525)] + [f"n{k:04},0," for k in range(4357)]
    rows += [f"x{k:04},{(1, 2, 3, 4)[k % 4]},{20 if k % 2 else 5}" for k in range(300)]
    labels = tmp_path / "labels.csv"
    labels.write_text("id,score,volume_cm3\n" + "\n".join(rows) + "\n")
    found, rejected = read_labels(labels)
    folder = tmp_path / "bags"
    writer = DatasetWriter(folder, [sorted(found)], {"classes": ["positive"]})
    with writer.shard(0) as shard:
        for id in sorted(found):
            shard.write(make_bag(id, 1, 1, found[id].label, patient=id))
    writer.finish(rejected)
    assert main(["split", "--data", str(folder)]) == 0
    capsys.readouterr()
    assert main(["cohort", "--data", str(folder)]) == 0
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told[0] == "5182 found" and "4882 scans" in told
    assert "525   positive, of 525 patients" in told and "4357   negative, of 4357 patients" in told
    assert sum(int(line.split()[0]) for line in told if "excluded: rater score" in line) == 300
    for line in told[-5:]:
        assert "336 + 336 (672)" in line and "84 + 84 (168)" in line and "105 + 3937 (4042)" in line
    assert main(["split", "--labels", str(labels), "--out", str(tmp_path / "splits.csv")]) == 0
    assert "300 scans are excluded by the rules of their table, such as x0000" in capsys.readouterr().out


def test_a_folder_that_is_none_is_one_line(tmp_path, capsys):
    assert main(["cohort", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("python -m preprocessing cohort: ")


@pytest.mark.parametrize(
    "reason, kind",
    [
        ("excluded: rater score 3 with 5.0 cm3, over 20 are taken (line 6)", "excluded: rater score 3"),
        ("not chosen: series 2, 6 slices 5.00 mm apart; series 1, 11 slices is", "another series of the study was chosen"),
        ("no axial direction: its axis 0 is 50 degrees from left-right", "no axial direction"),
        ("2 slices, at least 3 make a volume", "N slices"),
        ("12 of 34 slices without a label", "slices without a label"),
    ],
)
def test_a_reason_belongs_to_a_kind(reason, kind):
    assert category(reason) == kind


def test_slices_that_were_left_out_are_counted_and_rows_of_other_scans_are_not(tmp_path, make_bag, capsys):
    info = {"classes": ["positive"], "preprocessing": {"unit": "slice"}}
    folder = tmp_path / "data"
    writer = DatasetWriter(folder, [["a"]], info)
    with writer.shard(0) as shard:
        shard.reject("a", "a.nii", "4 of 6 slices without a label")
        for id in ("a/0", "a/3"):
            shard.write(make_bag(id, 1), planned="a")
    writer.finish([("", "boxes.csv", "boxes: 7 are on slices of no scan"), ("x", "boxes.csv", "box: no label (line 2)")])
    assert main(["cohort", "--data", str(folder)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == ["6 found", "4   excluded: slices without a label", "2 slices"]
