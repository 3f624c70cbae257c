import csv

import pytest

from benchmarks import inference


@pytest.mark.long
def test_the_rows_answer_alike(tiny, tmp_path, capsys):
    out, rows = tmp_path / "out.csv", ["SavedModel", "SavedModel, bag", "SavedModel, from file", "PyTorch"]
    assert inference.main([*tiny, "--repetitions", "2", "--rows", *rows, "--out", str(out)]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        found = {row["row"]: row for row in csv.DictReader(file)}
    assert found["PyTorch"]["note"] == "no --torch-python given" and found["SavedModel"]["apart"] == "0.0"
    assert float(found["SavedModel, bag"]["apart"]) < 1e-5
    assert float(found["SavedModel, from file"]["apart"]) < 1e-3  # a file holds whole HU
    assert "slices/s" in capsys.readouterr().out
