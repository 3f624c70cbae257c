"""From the tables of segmented cells to numbers, text and page; tables are written by hand."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import evaluate
from mil_tf.evaluation.cell_overlap import REGIONS, SEGMENTATION
from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.fields.cells_found import read_found
from tests.mil_tf.evaluation.field_runs import CLASSES, screen, write_rows, write_run

ARGUMENTS = ("--resamples", "20")
OTSU, TRUTH = (0.9, 0.7, 0.8, 0.6), (0.5, 0.9, 0.7, 0.9)


def segmented(run, truth=True, name="test", replicate=3):
    """Writes the tables of four images, with three regions each: right, wrong, and of no known class; and a picture."""
    images = screen((replicate,))[:4]
    values = [[one, one + 0.05, *([two, two + 0.05, 0.9, 0.95] if truth else [""] * 4)] for one, two in zip(OTSU, TRUTH)]
    write_rows(run / f"segmentation-{name}.csv", SEGMENTATION, [
        [row["id"], row["patient"], 3, 0.2, 1.5, int(place != 2), 40, *each]
        for place, (row, each) in enumerate(zip(images, values))])
    regions = [("actin", "actin"), ("dna", "kinase"), ("dna", "")]
    write_rows(run / f"regions-{name}.csv", REGIONS, [
        [row["id"], row["patient"], number, 3, 4, 50, *each[:1], 0.8, each[1] if truth else ""]
        for row in images for number, each in enumerate(regions, 1)])
    folder = run / f"maps-{name}"
    folder.mkdir()
    Image.fromarray(np.full((40, 90, 3), 200, np.uint8)).save(folder / "a.png")
    write_rows(folder / "drawn.csv", ("file", "id", "classes", "likeliest", "probability"),
               [["a.png", images[0]["id"], "actin;dna", "dna", 0.5], ["gone.png", "x", "", "dna", 0.5]])
    return run


@pytest.fixture
def run(tmp_path):
    return segmented(write_run(tmp_path))


def test_numbers(run):
    found = read_found(run, "test", CLASSES, 200)
    assert (found.images, found.wells, found.regions, found.unknown, found.unconverged) == (4, 2, 12, 4, 1)
    assert found.estimates["iu_otsu"].value == pytest.approx(np.mean(OTSU))
    assert found.estimates["iu_truth"].value == pytest.approx(np.mean(TRUTH))
    assert found.estimates["class_iu_otsu"].value == pytest.approx(np.mean(OTSU) + 0.05)
    right = found.estimates["regions_right"]
    assert (right.value, right.k, right.n) == (0.5, 4, 8) and right.low < 0.5 < right.high
    assert [row["file"] for row in found.pictures] == ["a.png"]


def test_without_truth_only_otsu_is_met(tmp_path):
    found = read_found(segmented(write_run(tmp_path), truth=False), "test", CLASSES, 20)
    assert list(found.estimates) == ["iu_otsu", "class_iu_otsu"] and found.unknown == found.regions == 12


def test_the_command_tells_them_everywhere(run, capsys, monkeypatch):
    monkeypatch.setattr("mil_tf.evaluation.figures.save", lambda *args: None)
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    shown, page = capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")
    for text in (shown, page):
        assert "4 images of 2 wells, 12 regions; belief propagation did not converge in 1" in text
        assert "IU of cells, ours against Otsu" in text and "0.750" in text
    assert "<h2>Cells found by Jacobian maps</h2>" in page and page.count("data:image/jpeg;base64,") == 1
    assert "actin;dna; likeliest dna, 0.500" in page and "Mean IU, first reading" in page
    numbers = json.loads((run / "evaluation" / "metrics.json").read_text())["cohorts"]["test"]["cells_found"]
    assert numbers["iu_otsu"]["value"] == pytest.approx(0.75) and numbers["regions_right"]["k"] == 4
    with open(run / "evaluation" / "metrics.csv", newline="", encoding="utf-8") as file:
        table = {row["metric"]: row for row in csv.DictReader(file) if row["cohort"] == "test"}
    assert float(table["cells_iu_truth"]["value"]) == pytest.approx(0.75)
    assert (table["cells_iu_truth"]["rows"], table["cells_iu_truth"]["wells"]) == ("4", "2")


def test_the_summary_over_runs_has_them(tmp_path, monkeypatch):
    monkeypatch.setattr("mil_tf.evaluation.fields.run._write_page", lambda *args: None)
    for seed in (0, 1):
        segmented(write_run(tmp_path, seed=seed))
    assert evaluate.main([str(tmp_path), "--workers", "1", *ARGUMENTS]) == 0
    with open(tmp_path / "summary.csv", newline="", encoding="utf-8") as file:
        assert [float(row["cells_iu_otsu"]) for row in csv.DictReader(file)] == pytest.approx([0.75, 0.75])


def test_a_run_whose_cells_were_not_looked_for_says_nothing_of_them(tmp_path):
    assert read_found(write_run(tmp_path), "test", CLASSES) is None


@pytest.mark.parametrize("old, new, told", [
    ("dna,0.8,kinase", "dna,0.8,cell", "expected one of the run's classes as y_class, received 'cell'"),
    ("dna,0.8,kinase", ",0.8,kinase", "expected one of the run's classes as class, received ''"),
    ("plate3_w0x0_s0,plate3_w0x0,1", "other,plate3_w0x0,1", "expected an image of segmentation-test.csv as id"),
])
def test_a_broken_table_is_one_line(run, old, new, told):
    path = run / "regions-test.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(TableError, match=told):
        read_found(run, "test", CLASSES)


def test_one_table_without_the_other_is_refused(run):
    (run / "regions-test.csv").unlink()
    with pytest.raises(TableError, match="regions-test.csv does not exist"):
        read_found(run, "test", CLASSES)
