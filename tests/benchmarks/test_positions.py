import csv

import pytest

from benchmarks import full_size_positions, positions


@pytest.mark.long
def test_table_one_of_a_tiny_data_set(tmp_path):
    from tests.slices import write_slices

    data, out = write_slices(tmp_path / "data"), tmp_path / "positions.csv"
    command = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--seeds", "1", "--forms", "paper", "--out", str(out)]
    command += ["--set", "max_epochs=2", "trials=2", "image_every=0"]
    assert positions.main([*command, "--poolings", "max"]) == 0
    first = out.read_text()
    assert positions.main([*command, "--poolings", "max", "attention"]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert out.read_text().startswith(first)  # what was there is kept
    assert [row["row"] for row in rows] == [
        f"paper network, {pooling} pooling, {rule}" for pooling in ("max", "attention")
        for rule in ("all slices", "positive slices")
    ]
    for row in rows:
        assert 0 <= float(row["accuracy"]) <= 1 and int(row["slices"]) == 16 and int(row["epochs"]) == 2


@pytest.mark.long
def test_a_step_and_a_prediction_at_full_size():
    found = full_size_positions.measure("released", "max", 2)
    assert found["finite"] and found["step_seconds"] > 0 and found["peak_gib"] >= found["peak_before_gib"]
